// L = -min(r A, clip(r, 1 - low, 1 + high) A),   r = pi(a_t | c_t) / pi_old(a_t | c_t)
//
// Schulman et al., "Proximal policy optimization algorithms", 2017, eq. 7; two clip ranges from
// DAPO (Yu et al., 2025, eq. 10). On the first pass over a batch r = 1 and L = -A exactly.
//
// Members that are off by default, and who switches them on:
//   dual_clip c          for A < 0, L is at most -c A. verl: 3
//   ratio_cap            r is at most this where it is not clipped (INTELLECT-2). TRL: `delta`
//   log_ratio_limit      log r is limited to +- this. verl, OpenRLHF: 20
//
// The dual clip: Ye et al., "Mastering complex control in MOBA games with deep reinforcement
// learning", 2020, eq. 5.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct PpoClip {
  float clip_low = 0.2f;
  float clip_high = 0.2f;
  float dual_clip = unlimited;
  float ratio_cap = unlimited;
  float log_ratio_limit = unlimited;

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    return surrogate(T(t.logprob - t.old_logprob), t.advantage);
  }

  // The loss for log r of any level: a token here, a sequence in Gspo.
  template <class T, class A>
  HONE_HD constexpr T surrogate(T log_ratio, const A& advantage) const {
    if (log_ratio_limit < unlimited)
      log_ratio = clamp(log_ratio, -log_ratio_limit, log_ratio_limit);
    T ratio = exp(log_ratio);
    const T clipped = clamp(ratio, 1 - clip_low, 1 + clip_high);
    if (ratio_cap < unlimited) ratio = clamp(ratio, 0, ratio_cap);
    const T loss = -min(ratio * advantage, clipped * advantage);
    if (dual_clip < unlimited)
      return select(advantage < 0, min(loss, -dual_clip * advantage), loss);
    return loss;
  }

  HONE_HD constexpr bool limits_off() {
    if (dual_clip < unlimited || ratio_cap < unlimited || log_ratio_limit < unlimited) return false;
    dual_clip = ratio_cap = log_ratio_limit = unlimited;
    return true;
  }
  bool operator==(const PpoClip&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
