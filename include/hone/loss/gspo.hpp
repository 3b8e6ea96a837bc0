// L = -min(s A, clip(s, 1 - low, 1 + high) A),   s = (pi(y | x) / pi_old(y | x))^(1 / |y|)
//
// Zheng et al., "Group sequence policy optimization", 2025, eq. 5 and 7: the ratio of PPO's loss is
// that of the whole answer, per token in the geometric mean. The derivative by every token of the
// answer is the same. The paper clips to [1 - 3e-4, 1 + 4e-4], the systems by default to 0.2 as
// here. verl limits log s to 10 above (`log_ratio_max`), and averages the same value over tokens,
// which is equal.
//
// length_normalised = false gives s = pi(y | x) / pi_old(y | x): sequence-level PPO (TRL's RLOO).
#pragma once

#include "hone/core/inputs.hpp"
#include "hone/loss/ppo_clip.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct Gspo {
  static constexpr Level level = Level::sequence;

  PpoClip clip{};
  bool length_normalised = true;
  float log_ratio_max = unlimited;

  template <class T>
  HONE_HD constexpr T operator()(const SequenceInputs<T>& s) const {
    const T sum = s.logprob - s.old_logprob;
    const T log_ratio = length_normalised ? T(sum / s.length) : sum;
    return clip.surrogate(T(clamp(log_ratio, -unlimited, log_ratio_max)), s.advantage);
  }
  bool operator==(const Gspo&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
