// A_i = r_i - mean of r_j, j != i
//
// RLOO: Ahmadian, Cremer, Galle, Fadaee, Kreutzer, Pietquin, Ustun, Hooker: "Back to basics", ACL
// 2024; after Kool, van Hoof, Welling: "Buy 4 REINFORCE samples, get a baseline for free!",
// 2019. The baseline does not depend on the answer, so the gradient is unbiased.
//
// A group of one has no baseline: 0 (verl's loop gives r instead, its vectorised form 0).
#pragma once

#include "hone/advantage/group.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

struct LeaveOneOut {
  bool singleton_keeps_reward = false;

  static constexpr bool needs_values = false;
  static constexpr bool needs_groups = true;

  HONE_HD float operator()(const Sample& s) const {
    if (s.group.size() == 1) return singleton_keeps_reward ? s.score : 0.0f;
    return static_cast<float>(s.score - s.group.without(s.index).mean);
  }
  bool operator==(const LeaveOneOut&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
