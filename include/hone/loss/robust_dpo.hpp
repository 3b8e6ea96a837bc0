// L = (-(1 - e) log sigmoid(b d) + e log sigmoid(-b d)) / (1 - 2 e),   d as in Dpo
//
// Chowdhury, Kini, Natarajan, "Provably robust DPO: aligning language models with noisy feedback",
// 2024, eq. 12: an unbiased estimate of DPO's loss on true labels when a label is wrong with
// probability e < 1/2.
#pragma once

#include "hone/core/inputs.hpp"
#include "hone/loss/dpo.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct RobustDpo {
  static constexpr Level level = Level::pair;

  float beta = 0.1f;
  float label_smoothing = 0.1f;

  // The reward of one answer that the objective implies.
  template <class T>
  HONE_HD constexpr T reward(const SequenceInputs<T>& s) const {
    return beta * (s.logprob - s.ref_logprob);
  }
  template <class T>
  HONE_HD constexpr T operator()(const PairInputs<T>& p) const {
    const T logit = beta * preference_shift(p);
    const float e = label_smoothing;
    return ((e - 1) * log_sigmoid(logit) + e * log_sigmoid(-logit)) / (1 - 2 * e);
  }
  bool operator==(const RobustDpo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
