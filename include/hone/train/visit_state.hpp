// How the parts of a trainer's state are listed to a visitor of checkpoint/run_state.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "hone/checkpoint/run_state.hpp"
#include "hone/train/adamw.hpp"
#include "hone/train/ema.hpp"
#include "hone/train/networks.hpp"
#include "hone/train/parameters.hpp"

namespace hone {
inline namespace v0 {
namespace train {
namespace detail {

template <class V>
bool applies(const V& v) {
  if constexpr (V::loading)
    return v.apply;
  else
    return false;
}

// Arrays beside the parameters, in storage order: all of them, or none before the first step.
template <class V>
void visit_arrays(V& v, const std::string& prefix, const ParameterList& parameters, bool present,
                  std::vector<std::vector<float>>& arrays) {
  if (applies(v)) {
    arrays.clear();
    if (present)
      for (const model::Parameter* p : parameters) arrays.emplace_back(p->value().size(), 0.0f);
  }
  if (present)
    for (std::size_t i = 0; i < parameters.size(); ++i)
      v.tensor(prefix, *parameters[i],
               i < arrays.size() ? std::span<float>(arrays[i]) : std::span<float>());
}

template <class V>
void visit_weights(V& v, const std::string& prefix, const ParameterList& parameters) {
  for (model::Parameter* p : parameters) v.tensor(prefix, *p, p->value());
}

template <class V>
void visit_adamw(V& v, const std::string& prefix, const ParameterList& parameters,
                 AdamW::State& state) {
  v.value(prefix + "adamw_steps", state.step);
  std::int64_t steps = state.step;
  if constexpr (V::loading) steps = v.stored(prefix + "adamw_steps");
  visit_arrays(v, prefix + "adamw_m/", parameters, steps > 0, state.m);
  visit_arrays(v, prefix + "adamw_v/", parameters, steps > 0, state.v);
}

template <class V>
void visit_ema(V& v, const std::string& prefix, const ParameterList& parameters,
               Ema::State& state) {
  std::int64_t averaged = !state.average.empty();
  v.value(prefix + "averaged", averaged);
  if constexpr (V::loading) averaged = v.stored(prefix + "averaged");
  visit_arrays(v, prefix + "average/", parameters, averaged != 0, state.average);
}

// A reward's own state: the moments of a running normalisation.
template <class V, class Reward>
void visit_reward(V& v, Reward& reward) {
  auto& r = referred(reward);
  if constexpr (requires { r.state().each([](auto&) {}); }) {
    int number = 0;
    r.state().each([&](auto& value) { v.value("reward" + std::to_string(number++), value); });
  }
}

// A copy of a reward's own state; nothing for one without.
template <class Reward>
auto reward_state(Reward& reward) {
  auto& r = referred(reward);
  if constexpr (requires { r.state().each([](auto&) {}); })
    return r.state();
  else
    return std::monostate{};
}

// Puts a reward's own state back as it was when it goes.
template <class Reward>
class KeptState {
 public:
  explicit KeptState(Reward& reward) : reward_(&reward), state_(reward_state(reward)) {}
  KeptState(const KeptState&) = delete;
  KeptState& operator=(const KeptState&) = delete;
  ~KeptState() {
    if constexpr (!std::is_same_v<State, std::monostate>)
      referred(*reward_).state() = std::move(state_);
  }

 private:
  using State = decltype(reward_state(std::declval<Reward&>()));
  Reward* reward_;
  State state_;
};

}  // namespace detail
}  // namespace train
}  // namespace v0
}  // namespace hone
