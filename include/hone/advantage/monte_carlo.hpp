// A_t = G_t = r_t + gamma G_{t+1}: the return itself, no baseline, no critic
//
// Williams: "Simple statistical gradient-following algorithms for connectionist reinforcement
// learning" (REINFORCE), Machine Learning 8, 1992.
#pragma once

#include "hone/advantage/trajectory.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

struct MonteCarlo {
  float gamma = 1.0f;

  static constexpr bool needs_values = false;

  template <class T>
  HONE_HD constexpr Step<T> operator()(const StepInputs<T>& t) const {
    const T G = t.reward + gamma * t.next.target;
    return {G, G};
  }
  bool operator==(const MonteCarlo&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
