// A_t = G_t - r(greedy),   G_t = r_t + G_{t+1}
//
// Li, Xu, Zhang, Lin, Yu, Sun, Luo: "ReMax: A simple, effective, and efficient reinforcement
// learning method for aligning large language models", ICML 2024. The baseline is the score
// of the greedy answer to the same prompt; it does not depend on what was sampled, so the gradient
// stays unbiased. A KL penalty in the reward is in G_t and not in the baseline.
#pragma once

#include "hone/advantage/trajectory.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

struct ReMax {
  static constexpr bool needs_values = false;
  static constexpr bool needs_greedy_baseline = true;

  template <class T>
  HONE_HD constexpr Step<T> operator()(const StepInputs<T>& t) const {
    const T G = t.reward + t.next.target;
    return {G - t.greedy_score, G};
  }
  bool operator==(const ReMax&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
