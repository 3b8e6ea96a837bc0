// The weight of a penalty: a number, or a controller that steers the observed KL to a target
//
// A controller is an aggregate of hyper-parameters with a nested State. The trainer owns the State,
// saves it in checkpoints, and after each batch replaces it by `next(state, observed)`.
#pragma once

#include <cstdint>
#include <type_traits>
#include "hone/core/scalar.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

// KL(pi, ref) as the batch shows it.
struct Observed {
  double per_sequence = 0;     // mean over sequences of the sum over tokens
  double per_token = 0;        // mean over sequences of the mean over tokens
  std::int64_t sequences = 0;  // in the batch
};

// What of it a controller looks at.
enum class Per { sequence, token };

// coef <- coef (1 + clip(kl / target - 1, -limit, limit) sequences / horizon)
//
// Ziegler et al., "Fine-tuning language models from human preferences", 2019, section 2.2. The same
// in verl (target 0.1 per token), OpenRLHF and trlx; Ziegler's target is 6 nats per sequence.
struct Adaptive {
  double initial = 0.1;
  double target = 6.0;
  double horizon = 10000;
  double limit = 0.2;
  Per per = Per::sequence;

  struct State {
    double coef = 0;
    bool operator==(const State&) const = default;
  };
  State start() const { return {initial}; }
  State next(State s, const Observed& o) const {
    const double kl = per == Per::sequence ? o.per_sequence : o.per_token;
    const double error = clamp(kl / target - 1, -limit, limit);
    return {s.coef * (1 + error * static_cast<double>(o.sequences) / horizon)};
  }
  bool operator==(const Adaptive&) const = default;
};

// coef <- coef / 2 if kl < target / 1.5, 2 coef if kl > 1.5 target
//
// Schulman et al., "Proximal policy optimization algorithms", 2017, section 4.
struct Doubling {
  double initial = 1.0;
  double target = 0.01;
  double tolerance = 1.5;
  Per per = Per::token;

  struct State {
    double coef = 0;
    bool operator==(const State&) const = default;
  };
  State start() const { return {initial}; }
  State next(State s, const Observed& o) const {
    const double kl = per == Per::sequence ? o.per_sequence : o.per_token;
    if (kl < target / tolerance) return {s.coef / 2};
    if (kl > target * tolerance) return {s.coef * 2};
    return s;
  }
  bool operator==(const Doubling&) const = default;
};

// The state of a coefficient that is a number.
struct Fixed {
  bool operator==(const Fixed&) const = default;
};

template <class C>
concept Controller = requires {
  typename C::State;
};

// A number or a controller.
template <class C>
inline constexpr bool is_coefficient = std::is_arithmetic_v<C> || Controller<C>;

namespace detail {
template <class C>
struct state_of {
  using type = Fixed;
};
template <Controller C>
struct state_of<C> {
  using type = typename C::State;
};
}  // namespace detail

template <class C>
using coefficient_state = typename detail::state_of<C>::type;

template <class C>
constexpr coefficient_state<C> start(const C& c) {
  if constexpr (Controller<C>)
    return c.start();
  else
    return {};
}

template <class C>
constexpr coefficient_state<C> next(const C& c, const coefficient_state<C>& s, const Observed& o) {
  if constexpr (Controller<C>)
    return c.next(s, o);
  else
    return s;
}

// The number to multiply with.
template <class C>
constexpr float coefficient(const C& c, const coefficient_state<C>& s) {
  if constexpr (Controller<C>)
    return static_cast<float>(s.coef);
  else
    return static_cast<float>(c);
}

}  // namespace kl
}  // namespace v0
}  // namespace hone
