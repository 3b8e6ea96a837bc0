// L = -A sigmoid(tau (r - 1)) 4 / tau,   tau = tau_positive if A > 0, else tau_negative
//
// Gao et al., "Soft adaptive policy optimization", 2025, eq. 5 and 6. At r = 1 the slope is that of
// -A r; away from it the weight of a token fades instead of being cut.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct Sapo {
  float tau_positive = 1.0f;
  float tau_negative = 1.05f;

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const T ratio = exp(t.logprob - t.old_logprob);
    const auto tau = select(t.advantage > 0, tau_positive, tau_negative);
    return -4 * t.advantage * sigmoid(tau * (ratio - 1)) / tau;
  }
  bool operator==(const Sapo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
