// L = (d - 1 / (2 b))^2,   d as in Dpo, of token means (token_mean) or sums
//
// Azar et al., "A general theoretical paradigm to understand learning from human preferences",
// 2023, eq. 17. The paper writes sums; its authors computed means, as TRL does. OpenRLHF takes
// sums.
#pragma once

#include "hone/core/inputs.hpp"
#include "hone/loss/dpo.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct Ipo {
  static constexpr Level level = Level::pair;

  float beta = 0.1f;
  bool token_mean = true;

  // The reward of one answer that the objective implies.
  template <class T>
  HONE_HD constexpr T reward(const SequenceInputs<T>& s) const {
    const T shift = s.logprob - s.ref_logprob;
    return beta * (token_mean ? T(shift / s.length) : shift);
  }
  template <class T>
  HONE_HD constexpr T operator()(const PairInputs<T>& p) const {
    const T chosen = p.chosen.logprob - p.chosen.ref_logprob;
    const T rejected = p.rejected.logprob - p.rejected.ref_logprob;
    const T shift = token_mean ? T(chosen / p.chosen.length - rejected / p.rejected.length)
                               : T(chosen - rejected);
    const T error = shift - 1 / (2 * beta);
    return error * error;
  }
  bool operator==(const Ipo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
