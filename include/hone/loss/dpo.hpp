// L = -(1 - e) log sigmoid(b d) - e log sigmoid(-b d)
// d = log pi(y_c)/ref(y_c) - log pi(y_r)/ref(y_r), token sums
//
// Rafailov et al., "Direct preference optimization", 2023, eq. 7. e > 0 is cDPO, for labels that
// are wrong with probability e (Mitchell, "A note on DPO with noisy preferences & relationship to
// IPO", 2023, eq. 3).
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

// d: by how much the policy has moved towards the chosen answer, relative to the reference.
template <class T>
HONE_HD constexpr T preference_shift(const PairInputs<T>& p) {
  return (p.chosen.logprob - p.chosen.ref_logprob) - (p.rejected.logprob - p.rejected.ref_logprob);
}

struct Dpo {
  static constexpr Level level = Level::pair;

  float beta = 0.1f;
  float label_smoothing = 0.0f;

  // The reward of one answer that the objective implies.
  template <class T>
  HONE_HD constexpr T reward(const SequenceInputs<T>& s) const {
    return beta * (s.logprob - s.ref_logprob);
  }
  template <class T>
  HONE_HD constexpr T operator()(const PairInputs<T>& p) const {
    const T logit = beta * preference_shift(p);
    return (label_smoothing - 1) * log_sigmoid(logit) - label_smoothing * log_sigmoid(-logit);
  }
  bool operator==(const Dpo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
