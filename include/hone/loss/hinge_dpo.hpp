// L = max(0, 1 - b d),   d as in Dpo
//
// Liu et al., "Statistical rejection sampling improves preference optimization" (RSO), 2023, eq. 9;
// the calibration loss of SLiC-HF (Zhao et al., 2023) with a reference. Derivative 0 at the corner.
#pragma once

#include "hone/core/inputs.hpp"
#include "hone/loss/dpo.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct HingeDpo {
  static constexpr Level level = Level::pair;

  float beta = 0.1f;

  // The reward of one answer that the objective implies.
  template <class T>
  HONE_HD constexpr T reward(const SequenceInputs<T>& s) const {
    return beta * (s.logprob - s.ref_logprob);
  }
  template <class T>
  HONE_HD constexpr T operator()(const PairInputs<T>& p) const {
    const T gap = 1 - beta * preference_shift(p);
    return select(gap > 0, gap, 0);
  }
  bool operator==(const HingeDpo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
