// L = -(1 - e) log sigmoid(x) - e log sigmoid(-x)
//   x = b (m_c - m_r) - gamma,   m = log pi(y) / |y|
//
// Meng, Xia, Chen, "SimPO: simple preference optimization with a reference-free reward", 2024,
// eq. 6. The paper's b is 2 to 2.5 and its gamma 0.3 to 1.6; TRL's defaults are 0.1 and 0.5. gamma
// is a margin between rewards. No reference model.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct SimPo {
  static constexpr Level level = Level::pair;

  float beta = 2.0f;
  float gamma = 1.0f;
  float label_smoothing = 0.0f;

  // The reward of one answer, b m.
  template <class T>
  HONE_HD constexpr T reward(const SequenceInputs<T>& s) const {
    return beta * (s.logprob / s.length);
  }
  template <class T>
  HONE_HD constexpr T operator()(const PairInputs<T>& p) const {
    const T logit = reward(p.chosen) - reward(p.rejected) - gamma;
    return (label_smoothing - 1) * log_sigmoid(logit) - label_smoothing * log_sigmoid(-logit);
  }
  bool operator==(const SimPo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
