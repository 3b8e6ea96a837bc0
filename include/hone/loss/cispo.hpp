// L = -sg(clip(r, ratio_low, ratio_high)) A log pi(a_t | c_t)
//
// MiniMax, "MiniMax-M1: scaling test-time compute efficiently with lightning attention", 2025, eq.
// 4 and 5. The weight is clipped, the token keeps its gradient. The bounds are those of r itself:
// the paper, TRL and Liger bound above only (TRL calls the bound `epsilon_high`, and 5 is meant);
// verl, slime and NeMo RL clip to [1 - e, 1 + e], which is ratio_low = 0.8f, ratio_high = 1.2f.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct Cispo {
  float ratio_low = 0.0f;
  float ratio_high = 5.0f;

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const auto ratio = exp(stop_gradient(t.logprob) - t.old_logprob);
    return -clamp(ratio, ratio_low, ratio_high) * t.advantage * t.logprob;
  }
  bool operator==(const Cispo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
