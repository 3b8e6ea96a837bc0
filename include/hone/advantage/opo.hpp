// A_i = r_i - sum_j l_j r_j / sum_j l_j,   l_j = tokens of answer j
//
// OPO: Hao et al.: "On-policy RL with optimal reward baseline", 2025: the baseline that
// minimises the variance of the gradient if gradients of different tokens are orthogonal and of
// equal size. As published the answer itself takes part in its own baseline, which is a small bias;
// `leave_one_out` removes it (docs/oracle.md).
//
// A group of one has no baseline: 0 (verl: r).
#pragma once

#include "hone/advantage/group.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

struct Opo {
  bool leave_one_out = false;
  bool singleton_keeps_reward = false;

  static constexpr bool needs_values = false;
  static constexpr bool needs_groups = true;

  HONE_HD float operator()(const Sample& s) const {
    if (s.group.size() == 1) return singleton_keeps_reward ? s.score : 0.0f;
    return static_cast<float>(
        s.score - s.group.length_weighted_mean(leave_one_out ? s.index : s.group.size()));
  }
  bool operator==(const Opo&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
