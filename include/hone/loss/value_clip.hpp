// L = coef 1/2 max((V - R)^2, (clip(V, V_old - c, V_old + c) - R)^2)
//
// The clipped value loss of PPO's published code (Schulman et al., 2017, has no equation for it;
// see Andrychowicz et al., "What matters in on-policy reinforcement learning?", 2021, B.1). c is
// 0.2 in DeepSpeed-Chat, TRL, trlx and slime, 0.5 in verl, OpenRLHF and AReaL. `coef` as in
// ValueMse.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct ValueClip {
  static constexpr Level level = Level::value;

  float value_clip = 0.2f;
  float coef = 1.0f;

  template <class T>
  HONE_HD constexpr T operator()(const ValueInputs<T>& v) const {
    const T error = v.value - v.ret;
    const T clipped = clamp(v.value, v.old_value - value_clip, v.old_value + value_clip);
    const T clipped_error = clipped - v.ret;
    return 0.5f * coef * max(error * error, clipped_error * clipped_error);
  }
  bool operator==(const ValueClip&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
