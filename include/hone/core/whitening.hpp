// y = (x - mean) / (sqrt(max(variance, floor) + epsilon) + deviation_epsilon)
//
// The formula of whitening and the moments that it is made from, for the CPU and for kernels.
#pragma once

#include <cstdint>

#include "hone/core/config.hpp"
#include "hone/core/scalar.hpp"

namespace hone {
inline namespace v0 {

struct Moments {
  std::int64_t count = 0;
  double mean = 0;
  double squares = 0;  // sum of (x - mean)^2

  // 0 where it is not defined: too few numbers, or all of them equal.
  HONE_HD double variance(int ddof = 1) const {
    return count > ddof ? squares / static_cast<double>(count - ddof) : 0.0;
  }
  HONE_HD double deviation(int ddof = 1) const { return sqrt(variance(ddof)); }
};

// With keep_mean the mean is put back; without scale it is subtracted, and that is all. Equal
// numbers differ from their mean by nothing, whatever the factor.
struct Whitening {
  int ddof = 1;
  double epsilon = 1e-8;
  double variance_floor = 0;
  double deviation_epsilon = 0;
  bool keep_mean = false;
  bool scale = true;

  // What y is of x: factor (x - mean) + shift.
  struct Line {
    double mean, factor, shift;
    HONE_HD float operator()(float x) const {
      return static_cast<float>(fma(static_cast<double>(x) - mean, factor, shift));
    }
  };
  HONE_HD Line line(const Moments& m) const {
    const double variance = max(m.variance(ddof), variance_floor) + epsilon;
    const bool scales = scale && m.squares > 0;
    return {m.mean, scales ? 1.0 / (sqrt(variance) + deviation_epsilon) : 1.0,
            keep_mean ? m.mean : 0.0};
  }
};

}  // namespace v0
}  // namespace hone
