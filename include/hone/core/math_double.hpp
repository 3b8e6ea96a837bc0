// Elementary functions of doubles: one sequence of operations, the same bits in every build.
//
// exp, expm1, log, log1p, tanh, sigmoid, softplus and log_sigmoid are within 2.5 units in the last
// place (tests/core/math_double_test.cpp prints the worst found), sin and cos within 2^-52. The
// polynomials are the functions' own power series, as long as a double sees them. erf, which only
// references need, is the standard library's.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>

#include "hone/core/config.hpp"
#include "hone/core/scalar.hpp"

namespace hone {
inline namespace v0 {
namespace detail {

// 2^n for n in [-1022, 1023].
HONE_HD inline double power_of_two(std::int64_t n) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52);
}

// x = n ln 2 + r with whole n, |r| <= ln(2) / 2, for |x| < 2^20.
struct DoubleExpParts {
  double r;
  std::int64_t n;
};
HONE_HD inline DoubleExpParts split_exp(double x) {
  const double rounder = fma(x, 0x1.71547652b82fep+0, 0x1.8p52);
  const double n = rounder - 0x1.8p52;
  const double r = fma(n, -0x1.abc9e3b39803fp-56, fma(n, -0x1.62e42fefa39efp-1, x));
  return {r, static_cast<std::int64_t>(n)};
}

// (e^r - 1 - r) / r^2 = 1/2! + r/3! + r^2/4! + ...
HONE_HD inline double exp_tail(double r) {
  double p = 1.0 / 1307674368000.0;
  p = fma(p, r, 1.0 / 87178291200.0);
  p = fma(p, r, 1.0 / 6227020800.0);
  p = fma(p, r, 1.0 / 479001600.0);
  p = fma(p, r, 1.0 / 39916800.0);
  p = fma(p, r, 1.0 / 3628800.0);
  p = fma(p, r, 1.0 / 362880.0);
  p = fma(p, r, 1.0 / 40320.0);
  p = fma(p, r, 1.0 / 5040.0);
  p = fma(p, r, 1.0 / 720.0);
  p = fma(p, r, 1.0 / 120.0);
  p = fma(p, r, 1.0 / 24.0);
  p = fma(p, r, 1.0 / 6.0);
  return fma(p, r, 0.5);
}

// log(u) + correction for a finite u > 0 that is not denormal.
HONE_HD inline double log_plus(double u, double correction) {
  constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcdull;
  const std::uint64_t shifted = std::bit_cast<std::uint64_t>(u) - sqrt_half;
  const double e = static_cast<double>(static_cast<std::int64_t>(shifted) >> 52);
  const double f = std::bit_cast<double>((shifted & 0x000fffffffffffffull) + sqrt_half) - 1.0;
  // log(1 + f) = f - f^2/2 + s (f^2/2 + 2 s^2/3 + 2 s^4/5 + ...),  s = f / (2 + f)
  const double s = f / (2.0 + f), z = product(s, s), half_square = product(product(0.5, f), f);
  double p = 2.0 / 25;
  p = fma(p, z, 2.0 / 23);
  p = fma(p, z, 2.0 / 21);
  p = fma(p, z, 2.0 / 19);
  p = fma(p, z, 2.0 / 17);
  p = fma(p, z, 2.0 / 15);
  p = fma(p, z, 2.0 / 13);
  p = fma(p, z, 2.0 / 11);
  p = fma(p, z, 2.0 / 9);
  p = fma(p, z, 2.0 / 7);
  p = fma(p, z, 2.0 / 5);
  p = fma(p, z, 2.0 / 3);
  const double rest = fma(s, fma(z, p, half_square), fma(e, 0x1.ef35793c76730p-45, correction));
  // The high part of ln 2 has few bits: its product with e is exact.
  return fma(e, 0x1.62e42fefa3800p-1, f - (half_square - rest));
}

}  // namespace detail

// e^x; denormal results count.
template <std::same_as<double> V>
HONE_HD inline V exp(V x) {
  if (!(x == x)) return x;
  if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
  if (x < -745.2) return 0.0;
  const auto parts = detail::split_exp(x);
  const double r = parts.r;
  const double p = fma(product(r, r), detail::exp_tail(r), r) + 1.0;
  const std::int64_t half = parts.n / 2;  // in two steps, since 2^n may not fit
  return product(product(p, detail::power_of_two(half)), detail::power_of_two(parts.n - half));
}

// e^x - 1, accurate near 0.
template <std::same_as<double> V>
HONE_HD inline V expm1(V x) {
  if (!(x == x)) return x;
  if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
  if (x < -40.0) return -1.0;
  if (abs(x) < 0x1p-54) return x;
  const auto parts = detail::split_exp(x);
  const double r = parts.r;
  const double e = fma(product(r, r), detail::exp_tail(r), r);
  const double half = detail::power_of_two(parts.n - 1);  // so that n = 1024 fits
  return product(2.0, fma(half, e, half - 0.5));
}

// The natural logarithm. -infinity at 0, NaN below; denormal arguments count.
template <std::same_as<double> V>
HONE_HD inline V log(V x) {
  if (x > 0.0 && x <= std::numeric_limits<double>::max()) {
    const bool small = x < std::numeric_limits<double>::min();
    return detail::log_plus(small ? x * 0x1p54 : x, small ? -54 * 0x1.62e42fefa39efp-1 : 0.0);
  }
  if (x == 0.0) return -std::numeric_limits<double>::infinity();
  return x < 0.0 ? std::numeric_limits<double>::quiet_NaN() : x;
}

// log(1 + x), accurate near 0.
template <std::same_as<double> V>
HONE_HD inline V log1p(V x) {
  if (abs(x) < 0x1p-54) return x;
  if (x > -1.0 && x <= std::numeric_limits<double>::max()) {
    const double u = 1.0 + x;
    // What the rounding of u took, from the larger of the two.
    const double lost = x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x);
    return detail::log_plus(u, lost / u);
  }
  if (x == -1.0) return -std::numeric_limits<double>::infinity();
  return x < 0.0 ? std::numeric_limits<double>::quiet_NaN() : x;
}

// (e^2x - 1) / (e^2x + 1)
template <std::same_as<double> V>
HONE_HD inline V tanh(V x) {
  const double e = expm1(product(2.0, min(abs(x), 20.0)));
  return x == x ? copysign(e / (e + 2.0), x) : x;
}

// 1 / (1 + e^-x)
template <std::same_as<double> V>
HONE_HD inline V sigmoid(V x) {
  const double e = exp(-abs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

// log(1 + e^x)
template <std::same_as<double> V>
HONE_HD inline V softplus(V x) {
  return max(x, 0.0) + log1p(exp(-abs(x)));
}

// log(1 / (1 + e^-x)) = -softplus(-x)
template <std::same_as<double> V>
HONE_HD inline V log_sigmoid(V x) {
  return min(x, 0.0) - log1p(exp(-abs(x)));
}

template <std::same_as<double> V>
HONE_HD inline V erf(V x) {
  return std::erf(x);
}

namespace detail {

// x = n pi/2 + r with whole n, |r| <= pi/4; exact to the last place or so for |x| < 2^30.
struct QuarterTurns {
  double r;
  unsigned n;  // modulo 4
};

HONE_HD inline QuarterTurns quarter_turns(double x) {
  const double rounder = fma(x, 0x1.45f306dc9c883p-1, 0x1.8p52);
  const double n = rounder - 0x1.8p52;
  const double r = fma(n, -0x1.1a62633145c07p-54, fma(n, -0x1.921fb54442d18p+0, x));
  return {r, static_cast<unsigned>(std::bit_cast<std::uint64_t>(rounder) & 3u)};
}

HONE_HD inline double sine_near_zero(double r) {
  const double z = product(r, r);
  double p = 0x1.5d8f97c9f3d4bp-33;
  p = fma(p, z, -0x1.ae5e591921411p-26);
  p = fma(p, z, 0x1.71de35649b231p-19);
  p = fma(p, z, -0x1.a01a019bf7bcbp-13);
  p = fma(p, z, 0x1.111111110f77cp-7);
  p = fma(p, z, -0x1.5555555555548p-3);
  return fma(product(r, z), p, r);
}

HONE_HD inline double cosine_near_zero(double r) {
  const double z = product(r, r);
  double p = -0x1.8fa99010a4496p-37;
  p = fma(p, z, 0x1.1ee9e1583270bp-29);
  p = fma(p, z, -0x1.27e4f7f8e48edp-22);
  p = fma(p, z, 0x1.a01a019c9773cp-16);
  p = fma(p, z, -0x1.6c16c16c1504bp-10);
  p = fma(p, z, 0x1.555555555554bp-5);
  return fma(product(z, z), p, fma(z, -0.5, 1.0));
}

}  // namespace detail

// The sine, in radians, for |x| < 2^30; within 2^-52 of the true value.
template <std::same_as<double> V>
HONE_HD inline V sin(V x) {
  const auto turns = detail::quarter_turns(x);
  const double y =
      turns.n & 1u ? detail::cosine_near_zero(turns.r) : detail::sine_near_zero(turns.r);
  return turns.n & 2u ? -y : y;
}

// The cosine, in radians, for |x| < 2^30; within 2^-52 of the true value.
template <std::same_as<double> V>
HONE_HD inline V cos(V x) {
  const auto turns = detail::quarter_turns(x);
  const double y =
      turns.n & 1u ? detail::sine_near_zero(turns.r) : detail::cosine_near_zero(turns.r);
  return (turns.n + 1u) & 2u ? -y : y;
}

}  // namespace v0
}  // namespace hone
