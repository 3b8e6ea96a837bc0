// |k1| = |log pi(a_t) - log ref(a_t)|
//
// verl's `abs`. A distance between the two log-probabilities of the token, not an estimate of a
// divergence.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

struct Absolute {
  float limit = unlimited;  // of the result

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const T k = abs(t.logprob - t.ref_logprob);
    return limit < unlimited ? T(clamp(k, -limit, limit)) : k;
  }
  bool operator==(const Absolute&) const = default;
};

}  // namespace kl
}  // namespace v0
}  // namespace hone
