// k2 = 1/2 (log pi(a_t) - log ref(a_t))^2
//
// Schulman, "Approximating KL divergence", 2020. Never negative. Its mean is not KL(pi, ref), but
// the mean of its gradient over samples of pi is the gradient of KL(pi, ref).
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

struct K2 {
  float limit = unlimited;  // of the result (OpenRLHF, AReaL: 10)

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const T log_ratio = t.logprob - t.ref_logprob;
    const T k = 0.5f * (log_ratio * log_ratio);
    return limit < unlimited ? T(clamp(k, -limit, limit)) : k;
  }
  bool operator==(const K2&) const = default;
};

}  // namespace kl
}  // namespace v0
}  // namespace hone
