// L = coef 1/2 (V - R)^2
//
// The critic's regression to the return. The factor 1/2 is part of the loss in every system
// compared. `coef` is what TRL (0.1) and trlx (1) call vf_coef, where actor and critic share an
// optimiser; hone's critic has its own.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct ValueMse {
  static constexpr Level level = Level::value;

  float coef = 1.0f;

  template <class T>
  HONE_HD constexpr T operator()(const ValueInputs<T>& v) const {
    const T error = v.value - v.ret;
    return 0.5f * coef * (error * error);
  }
  bool operator==(const ValueMse&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
