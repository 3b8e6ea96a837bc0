// Decoupled GAE whose policy lambda grows with the answer:  lambda = 1 - 1 / (alpha l), l = tokens
//
// Yue et al.: "VAPO: Efficient and reliable reinforcement learning for advanced reasoning tasks",
// 2025: the sum of the weights lambda^k is then proportional to the length. The paper's
// alpha is 0.05, its critic's lambda 1. Below 1 / alpha tokens the formula turns negative; there
// lambda is `lambda_floor`.
#pragma once

#include "hone/advantage/trajectory.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

struct VapoGae {
  float alpha = 0.05f;
  float gamma = 1.0f;
  float lambda_critic = 1.0f;
  float lambda_floor = 0.0f;

  static constexpr bool needs_values = true;

  template <class T>
  HONE_HD constexpr Step<T> operator()(const StepInputs<T>& t) const {
    const T lambda = max(1 - 1 / (alpha * t.length), lambda_floor);
    const T delta = t.reward + gamma * t.next_value - t.value;
    const T ahead = t.next_value + lambda_critic * (t.next.target - t.next_value);
    return {delta + gamma * lambda * t.next.advantage, t.reward + gamma * ahead};
  }
  bool operator==(const VapoGae&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
