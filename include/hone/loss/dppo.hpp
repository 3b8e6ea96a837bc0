// L = -keep A r + kl_coef (log r)^2,   keep = (A > 0 ? p - q <= high : p - q >= -low)
//
// Divergence PPO with the binary total-variation mask: Qi et al., "Rethinking the trust region in
// LLM reinforcement learning", 2026; p = pi(a_t), q = pi_old(a_t), r = p / q. A token is dropped
// when its probability, not its ratio, has moved too far in the direction that its advantage
// pushes: rare tokens keep learning. The paper and prime-rl take the sampler's probability for q,
// which is the same where sampler and trainer agree. The limits are prime-rl's, the paper
// recommends 0.15. The second term is prime-rl's, whose gradient passes through r as here; verl's
// variant weighs log pi by sg(min(r, 20)) instead (recipes/compat/dppo_tv.hpp).
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct Dppo {
  float mask_low = 0.2f;
  float mask_high = 0.2f;
  float kl_coef = 0.0f;

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const T log_ratio = t.logprob - t.old_logprob;
    return select(keeps(t), -t.advantage * exp(log_ratio), 0) + kl_coef * log_ratio * log_ratio;
  }

  // The mask alone, which has no derivative.
  template <class T>
  HONE_HD constexpr auto keeps(const TokenInputs<T>& t) const {
    const auto moved = exp(stop_gradient(t.logprob)) - exp(t.old_logprob);
    return select(t.advantage > 0, moved <= mask_high, moved >= -mask_low);
  }
  bool operator==(const Dppo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
