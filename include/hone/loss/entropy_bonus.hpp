// L = -coef H(pi(. | c_t))
//
// Rewards policies that stay undecided (Williams & Peng, "Function optimization using connectionist
// reinforcement learning algorithms", 1991; PPO's eq. 9). A term to add: Sum{PpoClip{},
// EntropyBonus{}}. The entropy is that of the whole vocabulary at the sampling temperature, and its
// gradient is exact.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct EntropyBonus {
  float coef = 0.01f;

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    return -coef * t.entropy;
  }
  // The mean over the tokens of a sequence, where the other term is of that level.
  template <class T>
  HONE_HD constexpr T operator()(const SequenceInputs<T>& s) const {
    return -coef * s.entropy / s.length;
  }
  bool operator==(const EntropyBonus&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
