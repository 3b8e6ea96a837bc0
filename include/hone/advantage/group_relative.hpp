// A = (r - mean(r_1..r_G)) / (std(r_1..r_G) + epsilon)
//
// Shao et al.: "DeepSeekMath" (GRPO), 2024, section 4.1.2. Without the division it is the advantage
// of Dr. GRPO (Liu et al.: "Understanding R1-Zero-like training", 2025). The mean includes
// the answer itself, which scales the expected gradient by (G-1)/G and leaves its direction; the
// division by the deviation weighs prompts by their difficulty and is a bias (docs/oracle.md).
//
// Defaults: std with ddof 1; epsilon 1e-6 (verl; TRL 1e-4, OpenRLHF 1e-9). A group of one and a
// group of equal scores give 0.
#pragma once

#include "hone/advantage/group.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

// What the deviation is taken over.
enum class Scale { group, batch };

struct GroupRelative {
  bool scale_by_std = true;
  int ddof = 1;
  float epsilon = 1e-6f;
  Scale scale = Scale::group;  // batch: one deviation for all answers (Lite PPO; TRL "batch")
  bool leave_one_out = false;  // mean and deviation of the other answers (NeMo RL)
  bool singleton_keeps_reward = false;  // a group of one: A = r (verl, slime) instead of 0
  static constexpr bool needs_values = false;
  static constexpr bool needs_groups = true;

  HONE_HD float operator()(const Sample& s) const {
    const Group& g = s.group;
    if (g.size() == 1) return singleton_keeps_reward ? s.score : 0.0f;
    const Moments others = leave_one_out ? g.without(s.index) : Moments{};
    const double centred = s.score - (leave_one_out ? others.mean : g.mean());
    if (!scale_by_std) return static_cast<float>(centred);
    const double deviation = leave_one_out           ? others.deviation(ddof)
                             : scale == Scale::batch ? s.batch.deviation(ddof)
                                                     : g.deviation(ddof);
    // Others that are all equal give no scale to divide by: the difference stays as it is.
    if (deviation == 0) return leave_one_out ? static_cast<float>(centred) : 0.0f;
    return static_cast<float>(centred / (deviation + epsilon));
  }
  bool operator==(const GroupRelative&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
