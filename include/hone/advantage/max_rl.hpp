// A = (r - mean(r_1..r_G)) / (mean(r_1..r_G) + epsilon)
//
// MaxRL: Tajwar, Zeng, Zhou et al.: "Maximum likelihood reinforcement learning", 2026: for rewards
// 0 and 1 the gradient approaches that of the log-probability of a correct answer as G grows, so
// rare successes weigh more. Rewards must not be negative; a group whose mean is 0 gives 0.
#pragma once

#include "hone/advantage/group.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

struct MaxRl {
  float epsilon = 0.0f;

  static constexpr bool needs_values = false;
  static constexpr bool needs_groups = true;

  HONE_HD float operator()(const Sample& s) const {
    const double mean = s.group.mean();
    if (!(mean > 0)) return 0.0f;
    return static_cast<float>((s.score - mean) / (mean + epsilon));
  }
  bool operator==(const MaxRl&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
