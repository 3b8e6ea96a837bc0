// L = -A log pi(a_t | c_t)
//
// REINFORCE (Williams, "Simple statistical gradient-following algorithms for connectionist
// reinforcement learning", 1992, eq. 11). The gradient is unbiased for samples of the current
// policy: one optimiser step per batch. For several use PpoClip.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct PolicyGradient {
  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    return -t.advantage * t.logprob;
  }
  bool operator==(const PolicyGradient&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
