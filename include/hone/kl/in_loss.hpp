// L = coef r k(log pi(a_t), log ref(a_t)),   r = pi(a_t) / pi_old(a_t), differentiated
//
// The penalty is a term of the loss, as in GRPO (Shao et al., "DeepSeekMath", 2024, eq. 3). With r
// the expected gradient of every estimator k whose mean is KL(pi, ref) is that of KL(pi, ref), on
// the first pass and on later ones; TRL calls it `use_bias_correction_kl`. unbiased = false drops r
// (GRPO's paper, verl, slime): then K1 has no effect, and K3 pulls like KL(ref, pi).
#pragma once

#include "hone/core/inputs.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/kl/k3.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

template <class Estimator = K3, class Coefficient = float>
struct InLoss {
  static_assert(is_coefficient<Coefficient>,
                "hone: the .coef of a KL penalty is a number or a controller: write .coef = 0.04f "
                "or .coef = kl::Adaptive{.target = 6}");

  Estimator estimator{};
  Coefficient coef = Coefficient(0.04f);
  bool unbiased = true;

  // The same with the coefficient of this moment.
  constexpr InLoss<Estimator, float> with(const coefficient_state<Coefficient>& state) const {
    return {estimator, coefficient(coef, state), unbiased};
  }

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const T k = estimator(t);
    if constexpr (requires { Estimator::exact; }) {
      return coef * k;
    } else {
      return unbiased ? T(coef * (exp(t.logprob - t.old_logprob) * k)) : T(coef * k);
    }
  }

  HONE_HD constexpr bool limits_off() { return hone::limits_off(estimator); }
  HONE_HD constexpr const bool* option() const { return &unbiased; }
  bool operator==(const InLoss&) const = default;
};

}  // namespace kl
}  // namespace v0
}  // namespace hone
