// L = -A exp(1/|y| sum_t l_t),   l_t = (A > 0 ? min(log r_t, high) : max(log r_t, -low))
//
// Zhao et al., "Geometric-mean policy optimization", 2025, eq. 4: log-ratios are clipped token by
// token, in the direction that the advantage pushes, and then averaged. The range is that of log r:
// the paper's (e^-0.4, e^0.4).
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct Gmpo {
  static constexpr Level level = Level::sequence;

  float log_clip_low = 0.4f;
  float log_clip_high = 0.4f;

  template <class T>
  HONE_HD constexpr T token(const TokenInputs<T>& t) const {
    const T log_ratio = t.logprob - t.old_logprob;
    return select(t.advantage > 0, clamp(log_ratio, -unlimited, log_clip_high),
                  clamp(log_ratio, -log_clip_low, unlimited));
  }
  template <class T>
  HONE_HD constexpr T operator()(const SequenceInputs<T>& s) const {
    return -s.advantage * exp(s.token_sum / s.length);
  }
  bool operator==(const Gmpo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
