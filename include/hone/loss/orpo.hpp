// L = -m_c - lambda log sigmoid(o_c - o_r),   m = log pi(y) / |y|,   o = log(P / (1 - P)), P = e^m
//
// Hong, Lee, Thorne, "ORPO: monolithic preference optimization without reference model", 2024, eq.
// 6 and 7: supervised fine-tuning on the chosen answer plus the log odds ratio. The log odds of an
// answer of probability 1 are infinite: m is limited to `highest_mean` in them. TRL takes the first
// term over all tokens of the batch, the prompts' included.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

// o = m - log(1 - e^m) for a mean log-probability m < 0
template <class T>
HONE_HD constexpr T log_odds(const T& mean) {
  return mean - log(-expm1(mean));
}

struct Orpo {
  static constexpr Level level = Level::pair;

  float lambda = 0.1f;
  float highest_mean = -1e-6f;

  // What TRL reports as the reward of one answer.
  template <class T>
  HONE_HD constexpr T reward(const SequenceInputs<T>& s) const {
    return lambda * (s.logprob / s.length);
  }
  template <class T>
  HONE_HD constexpr T operator()(const PairInputs<T>& p) const {
    const T chosen = p.chosen.logprob / p.chosen.length;
    const T rejected = p.rejected.logprob / p.rejected.length;
    const T odds_ratio = log_odds(T(clamp(chosen, -unlimited, highest_mean))) -
                         log_odds(T(clamp(rejected, -unlimited, highest_mean)));
    return -chosen - lambda * log_sigmoid(odds_ratio);
  }
  bool operator==(const Orpo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
