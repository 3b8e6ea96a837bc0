// How sure a mean is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/random.hpp"

namespace hone {
inline namespace v0 {
namespace report {

struct Interval {
  double mean = 0, low = 0, high = 0;
  bool excludes(double value) const { return value < low || value > high; }
};

struct BootstrapOptions {
  double confidence = 0.95;
  std::int64_t resamples = 10000;
  std::uint64_t seed = 0;
};

// The mean of the samples and the percentile interval of the means of samples drawn from them with
// replacement (Efron, "Bootstrap methods: another look at the jackknife", 1979). For a difference
// between two measurements of the same things, give the differences. One sample is its own
// interval.
inline Interval bootstrap_interval(std::span<const double> samples,
                                   const BootstrapOptions& options = {}) {
  require(!samples.empty(), "bootstrap_interval: there is no sample");
  require(options.confidence > 0 && options.confidence < 1 && options.resamples > 0,
          "bootstrap_interval: confidence is ", options.confidence, " and resamples ",
          options.resamples, ", expected a share between 0 and 1 and at least 1 resample");
  const auto n = static_cast<std::uint64_t>(samples.size());
  double sum = 0;
  for (const double x : samples) sum += x;
  std::vector<double> means(static_cast<std::size_t>(options.resamples));
  for (std::size_t r = 0; r < means.size(); ++r) {
    RandomStream random({.seed = options.seed, .sequence = r, .stream = 0x626F6F74});
    double total = 0;
    for (std::uint64_t i = 0; i < n; ++i) total += samples[random.below(n)];
    means[r] = total / static_cast<double>(n);
  }
  std::sort(means.begin(), means.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(means.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, means.size() - 1);
    return std::lerp(means[below], means[above], place - static_cast<double>(below));
  };
  const double tail = (1 - options.confidence) / 2;
  return {.mean = sum / static_cast<double>(n), .low = at(tail), .high = at(1 - tail)};
}

inline Interval bootstrap_interval(std::span<const float> samples,
                                   const BootstrapOptions& options = {}) {
  const std::vector<double> wide(samples.begin(), samples.end());
  return bootstrap_interval(std::span<const double>(wide), options);
}

}  // namespace report
}  // namespace v0
}  // namespace hone
