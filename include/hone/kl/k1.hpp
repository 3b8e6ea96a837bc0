// k1 = log pi(a_t) - log ref(a_t)
//
// Schulman, "Approximating KL divergence", 2020. The mean over samples of pi is KL(pi, ref); a
// sample may be negative. In the reward it is the classical penalty of RLHF. In the loss without
// the ratio its expected gradient is zero: it does nothing.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

struct K1 {
  float limit = unlimited;  // of the result, in absolute value (OpenRLHF, AReaL: 10)

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const T k = t.logprob - t.ref_logprob;
    return limit < unlimited ? T(clamp(k, -limit, limit)) : k;
  }
  bool operator==(const K1&) const = default;
};

}  // namespace kl
}  // namespace v0
}  // namespace hone
