// Mean and variance whose every bit is free of the order of the numbers.
//
// Permuting a batch, or spreading it over processes, must not change an advantage; a floating-point
// sum does change. Scaled by a power of two to at most 1, the numbers go into an OrderFreeSum: a
// mean is exact to 2^-42 of the largest number.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "hone/core/config.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/core/whitening.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

// sum of at(i), i in [0, n); |at(i)| <= largest, finite.
template <class F>
double order_free_sum(std::int64_t n, double largest, const F& at) {
  if (!(largest > 0)) return 0;
  int exponent = 0;
  std::frexp(largest, &exponent);
  const double scale = std::ldexp(1.0, -exponent);
  OrderFreeSum<-16> sum;
  for (std::int64_t i = 0; i < n; ++i) sum.add(at(i) * scale);
  return std::ldexp(sum.value(), exponent);
}

using hone::Moments;

// Moments of at(i), i in [0, n). Not-a-number in, not-a-number out.
template <class F>
Moments moments(std::int64_t n, const F& at) {
  Moments m{.count = n};
  if (n == 0) return m;
  double low = at(0), high = low;
  bool finite = true;
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = at(i);
    low = std::min(low, x);
    high = std::max(high, x);
    finite &= std::abs(x) <= std::numeric_limits<double>::max();
  }
  if (!finite) {
    m.mean = m.squares = std::nan("");
    return m;
  }
  m.mean = low;
  if (low == high) return m;
  m.mean = order_free_sum(n, std::max(-low, high), at) / static_cast<double>(n);
  const double reach = std::max(high - m.mean, m.mean - low);
  m.squares = order_free_sum(n, reach * reach, [&](std::int64_t i) {
    const double d = at(i) - m.mean;
    return d * d;
  });
  return m;
}

}  // namespace advantage
}  // namespace v0
}  // namespace hone
