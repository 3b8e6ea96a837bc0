// L = w_d (1 - sigmoid(b (g - z)))  for a desirable answer,
//     w_u (1 - sigmoid(b (z - g)))  for an undesirable one,   g = log pi(y | x) - log ref(y | x)
//
// Ethayarajh et al., "KTO: model alignment as prospect theoretic optimization", 2024, eq. 8. z is
// the batch's estimate of KL(pi, ref), a constant: kto_baseline of the log-ratios of mismatched
// pairs of prompt and answer. Needs no pairs of answers, only answers that were liked or not.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct Kto {
  static constexpr Level level = Level::sequence;

  float beta = 0.1f;
  float desirable_weight = 1.0f;
  float undesirable_weight = 1.0f;

  template <class T>
  HONE_HD constexpr T operator()(const SequenceInputs<T>& s) const {
    const T gain = beta * (s.logprob - s.ref_logprob - s.baseline);
    return select(s.label > 0.5f, desirable_weight * sigmoid(-gain),
                  undesirable_weight * sigmoid(gain));
  }
  bool operator==(const Kto&) const = default;
};

// z = max(0, mean of log pi(y' | x) - log ref(y' | x)) over n mismatched pairs; their sum is given.
HONE_HD constexpr double kto_baseline(double sum_of_log_ratios, double n) {
  return n > 0 && sum_of_log_ratios > 0 ? sum_of_log_ratios / n : 0.0;
}

}  // namespace loss
}  // namespace v0
}  // namespace hone
