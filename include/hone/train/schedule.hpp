// The learning rate as a function of the step.
//
// Linear warm-up from 0 over `warmup` steps, then constant, linear to `final_ratio`, or cosine
// (Loshchilov and Hutter 2017, "SGDR", eq. 5, one period):
//   lr(t) = peak (f + (1 - f) (1 + cos(pi (t - w) / (T - w))) / 2),  f = final_ratio
#pragma once

#include <algorithm>
#include <cstdint>
#include <numbers>

#include "hone/core/error.hpp"
#include "hone/core/math.hpp"

namespace hone {
inline namespace v0 {
namespace train {

enum class Decay { constant, linear, cosine };

struct Schedule {
  float peak = 1e-5f;
  Decay decay = Decay::cosine;
  std::int64_t warmup = 0;   // optimiser steps
  std::int64_t total = 0;    // optimiser steps; needed unless constant
  float final_ratio = 0.0f;  // of the peak, at step `total` and after
  bool operator==(const Schedule&) const = default;

  // The rate of step t = 0, 1, ...
  float operator()(std::int64_t t) const {
    require(decay == Decay::constant || total > 0, "Schedule: total is ", total,
            ", expected the number of optimiser steps of the run");
    if (t < warmup)
      return static_cast<float>(static_cast<double>(peak) * static_cast<double>(t + 1) /
                                static_cast<double>(warmup + 1));
    if (decay == Decay::constant) return peak;
    const double span = static_cast<double>(std::max<std::int64_t>(1, total - warmup));
    const double x = std::min(1.0, static_cast<double>(t - warmup) / span);
    const double f = static_cast<double>(final_ratio);
    const double shape =
        decay == Decay::linear ? 1.0 - x : 0.5 * (1.0 + hone::cos(std::numbers::pi * x));
    return static_cast<float>(static_cast<double>(peak) * fma(1.0 - f, shape, f));
  }
};

}  // namespace train
}  // namespace v0
}  // namespace hone
