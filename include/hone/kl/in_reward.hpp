// r_t <- r_t - coef k(log pi_old(a_t), log ref(a_t)) on every sampled token
//
// The penalty acts through the advantage, as in InstructGPT (Ouyang et al., 2022, eq. 2 without the
// last term), DeepSpeed-Chat and TRL's PPO. It is computed once per batch, before the update, from
// the policy that sampled.
#pragma once

#include "hone/core/inputs.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/kl/k1.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

template <class Estimator = K1, class Coefficient = float>
struct InReward {
  static_assert(is_coefficient<Coefficient>,
                "hone: the .coef of a KL penalty is a number or a controller: write .coef = 0.04f "
                "or .coef = kl::Adaptive{.target = 6}");

  Estimator estimator{};
  Coefficient coef = Coefficient(0.1f);

  // The same with the coefficient of this moment.
  constexpr InReward<Estimator, float> with(const coefficient_state<Coefficient>& state) const {
    return {estimator, coefficient(coef, state)};
  }

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    return -coef * estimator(t);
  }
  bool operator==(const InReward&) const = default;
};

}  // namespace kl
}  // namespace v0
}  // namespace hone
