// A_t = delta_t + gamma lambda A_{t+1},   delta_t = r_t + gamma V_{t+1} - V_t,   R_t = A_t + V_t
//
// Schulman, Moritz, Levine, Jordan, Abbeel: "High-dimensional continuous control using generalized
// advantage estimation", ICLR 2016, eq. 11 and 16.
//
// V after the last token is 0 where the answer ended, and the bootstrap value where it was cut off.
// Gaps in the mask are transparent (verl and NeMo RL do the same; OpenRLHF lets V be 0 and lambda
// decay in them, see recipes/compat/openrlhf.hpp).
#pragma once

#include "hone/advantage/trajectory.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

struct Gae {
  float gamma = 1.0f;
  float lambda = 0.95f;

  static constexpr bool needs_values = true;

  template <class T>
  HONE_HD constexpr Step<T> operator()(const StepInputs<T>& t) const {
    const T delta = t.reward + gamma * t.next_value - t.value;
    const T advantage = delta + gamma * lambda * t.next.advantage;
    return {advantage, advantage + t.value};
  }
  bool operator==(const Gae&) const = default;
};

// Two lambdas: the critic learns from its own, so that its bias does not decay with the length of
// the answer; its target is R_t = r_t + gamma ((1 - l) V_{t+1} + l R_{t+1}) with l = lambda_critic.
//
// Yuan et al.: "What's behind PPO's collapse in long-CoT? Value optimization holds the secret"
// (VC-PPO), 2025.
struct DecoupledGae {
  float gamma = 1.0f;
  float lambda_policy = 0.95f;
  float lambda_critic = 1.0f;

  static constexpr bool needs_values = true;

  template <class T>
  HONE_HD constexpr Step<T> operator()(const StepInputs<T>& t) const {
    const T delta = t.reward + gamma * t.next_value - t.value;
    const T ahead = t.next_value + lambda_critic * (t.next.target - t.next_value);
    return {delta + gamma * lambda_policy * t.next.advantage, t.reward + gamma * ahead};
  }
  bool operator==(const DecoupledGae&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
