// L = -keep A sg(min(r, ratio_max)) log pi(a_t | c_t),   keep as in loss::Dppo
//
// verl's `dppo_tv`. The gradient is loss::Dppo's until r exceeds ratio_max; the value is another.
#pragma once

#include "hone/core/inputs.hpp"
#include "hone/loss/dppo.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {

struct DppoTv {
  float mask_low = 0.2f;
  float mask_high = 0.2f;
  float ratio_max = 20.0f;

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const auto weight = clamp(exp(stop_gradient(t.logprob) - t.old_logprob), 0, ratio_max);
    const loss::Dppo mask{.mask_low = mask_low, .mask_high = mask_high};
    return select(mask.keeps(t), -weight * t.advantage * t.logprob, 0);
  }
  bool operator==(const DppoTv&) const = default;
};

}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
