// Mean and variance whose every bit is free of the order of the numbers.
//
// Permuting a batch, or spreading it over processes, must not change an advantage; a floating-point
// sum does change. Scaled by a power of two to at most 1, the numbers go into an OrderFreeSum: a
// mean is exact to 2^-42 of the largest number. A team of threads that share the numbers among them
// gets the same bits, since the order is free.
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

// A team of one thread. Member k of a team of m takes the numbers k, k + m, ...; what the members
// have found is brought together, and every one of them goes on with the same.
struct Alone {
  HONE_HD std::int64_t first() const { return 0; }
  HONE_HD std::int64_t step() const { return 1; }
  HONE_HD double least(double x) const { return x; }
  HONE_HD double greatest(double x) const { return x; }
  template <class Sum>
  HONE_HD Sum total(const Sum& sum) const {
    return sum;
  }
};

// sum of at(i), i in [0, n); |at(i)| <= largest, finite.
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <class F, class Team = Alone>
HONE_HD double order_free_sum(std::int64_t n, double largest, const F& at, const Team& team = {}) {
  if (!(largest > 0)) return 0;
  int exponent = 0;
  std::frexp(largest, &exponent);
  const double scale = std::ldexp(1.0, -exponent);
  OrderFreeSum<-16> sum;
  for (std::int64_t i = team.first(); i < n; i += team.step()) sum.add(at(i) * scale);
  return std::ldexp(team.total(sum).value(), exponent);
}

using hone::Moments;

// Moments of at(i), i in [0, n). Not-a-number in, not-a-number out.
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <class F, class Team = Alone>
HONE_HD Moments moments(std::int64_t n, const F& at, const Team& team = {}) {
  Moments m{.count = n};
  if (n == 0) return m;
  double low = at(0), high = low;
  bool finite = true;
  for (std::int64_t i = team.first(); i < n; i += team.step()) {
    const double x = at(i);
    low = std::min(low, x);
    high = std::max(high, x);
    finite &= std::abs(x) <= std::numeric_limits<double>::max();
  }
  if (!(team.least(finite ? 1.0 : 0.0) > 0)) {
    m.mean = m.squares = std::numeric_limits<double>::quiet_NaN();
    return m;
  }
  low = team.least(low);
  high = team.greatest(high);
  m.mean = low;
  if (low == high) return m;
  m.mean = order_free_sum(n, std::max(-low, high), at, team) / static_cast<double>(n);
  const double reach = std::max(high - m.mean, m.mean - low);
  const auto square = [&](std::int64_t i) {
    const double d = at(i) - m.mean;
    return d * d;
  };
  m.squares = order_free_sum(n, reach * reach, square, team);
  return m;
}

}  // namespace advantage
}  // namespace v0
}  // namespace hone
