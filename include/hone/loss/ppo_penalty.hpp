// L = -r A + coef (r - 1 - log r),   r = pi(a_t | c_t) / pi_old(a_t | c_t)
//
// PPO in its penalty form (Schulman et al., "Proximal policy optimization algorithms", 2017, eq.
// 8). The second term estimates KL(pi_old, pi) from samples of pi_old: it is never negative, and
// both its mean and its mean gradient are exact. `coef` is a number, or kl::Doubling for the
// paper's adaptive rule (which needs the trainer's State).
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

template <class Coefficient = float>
struct PpoPenalty {
  Coefficient coef = Coefficient(1);

  // The same with the coefficient of this moment.
  constexpr PpoPenalty<float> with(float now) const { return {now}; }

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const T log_ratio = t.logprob - t.old_logprob;
    return -exp(log_ratio) * t.advantage + coef * expm1_minus_x(log_ratio);
  }
  bool operator==(const PpoPenalty&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
