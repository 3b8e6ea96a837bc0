// What the kernels' tests share: arrays of random numbers, and their comparison bit by bit.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/core/scalar.hpp"

namespace hone_test {

using Floats = std::vector<float>;

// Uniform in [-width, width). The array has exactly n elements: a sanitizer sees an overrun.
inline Floats random_floats(std::int64_t n, std::uint64_t seed, float width = 1.0f) {
  Floats out(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] =
        width * static_cast<float>(static_cast<std::int32_t>(hone::mix(seed, i) >> 32)) * 0x1p-31f;
  return out;
}

inline void expect_bits(const Floats& a, const Floats& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(hone::to_bits(a[i]), hone::to_bits(b[i]))
        << what << " at " << i << ": " << a[i] << ", expected " << b[i];
}

// How many elements differ in their bits (all NaNs count as equal); -1: the sizes do.
inline std::int64_t differing(const Floats& a, const Floats& b) {
  std::int64_t count = a.size() == b.size() ? 0 : -1;
  for (std::size_t i = 0; i < a.size() && count >= 0; ++i)
    count += hone::to_bits(a[i]) != hone::to_bits(b[i]) && !(a[i] != a[i] && b[i] != b[i]);
  return count;
}

// `gradient` is the derivative of loss() by every third element of `at`, and by its last.
template <class Loss>
void expect_slopes(std::vector<double>& at, const std::vector<double>& gradient, const Loss& loss,
                   const char* what) {
  ASSERT_EQ(at.size(), gradient.size()) << what;
  const auto check = [&](std::size_t i) {
    const double kept = at[i], step = 1e-5;
    at[i] = kept + step;
    const double up = loss();
    at[i] = kept - step;
    const double down = loss();
    at[i] = kept;
    EXPECT_NEAR((up - down) / (2 * step), gradient[i], 1e-7 * (1 + std::abs(gradient[i])))
        << what << " at " << i;
  };
  for (std::size_t i = 0; i < at.size(); i += 3) check(i);
  if (!at.empty()) check(at.size() - 1);
}

inline double inner(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

inline std::vector<double> doubles(const Floats& x) { return {x.begin(), x.end()}; }

}  // namespace hone_test
