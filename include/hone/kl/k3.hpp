// k3 = e^x - 1 - x,   x = log ref(a_t) - log pi(a_t)
//
// Schulman, "Approximating KL divergence", 2020; GRPO's penalty (Shao et al., "DeepSeekMath", 2024,
// eq. 4). Never negative, and its mean over samples of pi is KL(pi, ref). The mean of its gradient
// is not that of KL(pi, ref) but of KL(ref, pi); weighted by the ratio (InLoss::unbiased) it is
// right.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

struct K3 {
  float log_ratio_limit = unlimited;  // of x, in absolute value (verl, NeMo RL: 20)
  float limit = unlimited;            // of the result (verl, NeMo RL, OpenRLHF, AReaL: 10)

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    T x = t.ref_logprob - t.logprob;
    if (log_ratio_limit < unlimited) x = clamp(x, -log_ratio_limit, log_ratio_limit);
    const T k = expm1_minus_x(x);
    return limit < unlimited ? T(clamp(k, -limit, limit)) : k;
  }

  HONE_HD constexpr bool limits_off() {
    if (log_ratio_limit < unlimited || limit < unlimited) return false;
    log_ratio_limit = limit = unlimited;
    return true;
  }
  bool operator==(const K3&) const = default;
};

}  // namespace kl
}  // namespace v0
}  // namespace hone
