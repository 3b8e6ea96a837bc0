// A reward: any function of a completion.
//
//     constexpr auto brevity = [](const hone::Completion& c) { return -0.01f * c.tokens.size(); };
//
// Three forms, told apart when compiled:
//   number  reward(const Completion&)                         most rewards
//   numbers reward(std::span<const Completion>)               a model, a server: many at a time
//   numbers reward(std::span<const Completion>, State&)       with R::State, which the caller owns
// A const call operator, no base class. A score is finite; an empty answer has one too.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

using Batch = std::span<const Completion>;

// Of a reward without state.
struct Stateless {
  template <class Visit>
  void each(Visit&&) {}
  bool operator==(const Stateless&) const = default;
};

namespace detail {

template <class R>
struct StateOf {
  using type = Stateless;
};
template <class R>
requires requires { typename R::State; }
struct StateOf<R> {
  using type = typename R::State;
};

template <class R>
using state_t = typename StateOf<R>::type;

template <class R>
inline constexpr bool per_completion = requires(const R& r, const Completion& c) {
  { r(c) } -> std::convertible_to<float>;
};

// Asked only of what takes no single completion: a generic lambda's body is then never
// instantiated with a batch.
template <class R>
consteval bool per_batch() {
  if constexpr (per_completion<R>)
    return false;
  else
    return requires(const R& r, Batch b) { r(b)[std::size_t{}]; };
}

template <class R>
consteval bool with_state() {
  if constexpr (per_completion<R>)
    return false;
  else
    return requires(const R& r, Batch b, state_t<R>& s) { r(b, s)[std::size_t{}]; };
}

}  // namespace detail

// What a reward remembers from batch to batch. `each(visit)` calls visit with every number (a
// double) of it, for checkpoints.
template <class R>
using State = detail::state_t<R>;

template <class R>
concept Reward = detail::per_completion<R> || detail::per_batch<R>() || detail::with_state<R>();

// Throws unless there is one finite score for each completion.
inline void check_scores(std::span<const float> scores, Batch batch) {
  require(scores.size() == batch.size(), "a reward gave ", scores.size(), " scores, expected ",
          batch.size(), ", one for each completion");
  for (std::size_t i = 0; i < scores.size(); ++i)
    require(std::isfinite(scores[i]), "the score of answer ", batch[i].index, " to prompt ",
            batch[i].id, " is ", scores[i], ", expected a finite number");
}

// The scores of a batch, one for each completion in order. Throws on a score that is not finite.
// A reward that is made of others calls it for them, with the batch that it was given: completions,
// or the answers of a train::MixedReward, which have an `evaluate` of their own.
template <class R>
std::vector<float> evaluate(const R& reward, Batch batch, State<R>& state) {
  static_assert(Reward<R>,
                "hone: a reward is called as number(const hone::Completion&), or as a vector of "
                "numbers (std::span<const hone::Completion>), by a const call operator");
  std::vector<float> scores;
  scores.reserve(batch.size());
  if constexpr (detail::per_completion<R>) {
    for (const Completion& c : batch) scores.push_back(static_cast<float>(reward(c)));
  } else {
    const auto values = [&] {
      if constexpr (detail::with_state<R>())
        return reward(batch, state);
      else
        return reward(batch);
    }();
    for (const auto v : values) scores.push_back(static_cast<float>(v));
  }
  check_scores(scores, batch);
  return scores;
}

// With a state that lives for this call alone.
template <class R>
std::vector<float> evaluate(const R& reward, Batch batch) {
  State<R> state{};
  return evaluate(reward, batch, state);
}

}  // namespace reward
}  // namespace v0
}  // namespace hone
