// The networks that a reward's scores come from.
//
// A reward that is one has a member `model` with a decoder and a scalar head, as RewardModel. One
// that is made of others shows them: reward::Sum and MixedReward by for_each_part, reward::Clip and
// reward::RunningNorm by their member `reward`.
#pragma once

#include <functional>
#include <type_traits>

namespace hone {
inline namespace v0 {
namespace train {

namespace detail {

// What a std::reference_wrapper refers to; anything else itself.
template <class T>
T& referred(T& value) {
  return value;
}
template <class T>
T& referred(std::reference_wrapper<T>& value) {
  return value.get();
}
template <class T>
T& referred(const std::reference_wrapper<T>& value) {
  return value.get();
}

struct AnyPart {
  template <class Part>
  void operator()(const Part&) const {}
};

}  // namespace detail

template <class Reward>
concept HasNetwork = requires(Reward& reward) {
  *reward.model.decoder;
  *reward.model.head;
};

template <class Reward>
concept ShowsParts = requires(Reward& reward) {
  reward.for_each_part(detail::AnyPart{});
};

template <class Reward>
concept ShowsInner =
    std::is_member_object_pointer_v<decltype(&std::remove_const_t<Reward>::reward)>;

// Calls f(reward) for every reward in this one that is a network.
template <class Reward, class F>
void for_each_network(Reward& reward, [[maybe_unused]] F&& f) {
  [[maybe_unused]] auto& r = detail::referred(reward);
  using R = std::remove_reference_t<decltype(r)>;
  if constexpr (HasNetwork<R>)
    f(r);
  else if constexpr (ShowsParts<R>)
    r.for_each_part([&f](const auto& part) { for_each_network(part, f); });
  else if constexpr (ShowsInner<R>)
    for_each_network(r.reward, f);
}

}  // namespace train
}  // namespace v0
}  // namespace hone
