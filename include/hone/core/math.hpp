// Elementary functions that are ours: one sequence of operations for a float and for a lane of a
// pack, so both give the same bits, in every build and on every machine.
//
// exp, log, log1p, expm1, tanh, sigmoid, log_sigmoid, softplus and erf are templates over float and
// pack, within 1.6 units in the last place (tests/core/math_test.cpp prints the worst found). exp,
// sigmoid, log_sigmoid and softplus give 0 where the result would be denormal. NaN goes to NaN.
// The double versions, which serve references and oracles, are those of the standard library,
// except sin and cos, which are ours too: rotary tables must agree across machines.
//
// The coefficients come from tests/goldens/math_coefficients.py.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "hone/core/config.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/scalar.hpp"

namespace hone {
inline namespace v0 {

// A float, or sixteen of them.
template <class V>
concept Lanes = std::same_as<V, float> || std::same_as<V, pack>;

inline pack product(pack a, pack b) { return a * b; }

namespace detail {

template <class V>
using BitsOf = decltype(to_bits(V(0.0f)));

// c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule.
template <class V>
HONE_HD inline V polynomial(V, float c) {
  return V(c);
}
template <class V, class... Rest>
HONE_HD inline V polynomial(V x, float c, Rest... rest) {
  return fma(polynomial(x, rest...), x, V(c));
}

// x = n ln 2 + r with whole n, |r| <= ln(2) / 2. Adding 1.5 2^23 rounds to a whole number and
// leaves it in the low bits.
template <class V>
struct ExpParts {
  V r;
  V rounder;  // 1.5 2^23 + n
  HONE_HD V n() const { return rounder - 12582912.0f; }
};

template <class V>
HONE_HD inline ExpParts<V> split_exp(V x) {
  const V rounder = fma(x, V(1.44269504f), V(12582912.0f));
  const V n = rounder - V(12582912.0f);
  const V r = fma(n, V(0x1.05c61p-29f), fma(n, V(-0x1.62e43p-1f), x));
  return {r, rounder};
}

// log(u) + correction for a normal, finite u > 0.
template <class V>
HONE_HD inline V log_plus(V u, V correction) {
  const BitsOf<V> sqrt_half(0x3f3504f3);
  const BitsOf<V> shifted = to_bits(u) - sqrt_half;
  const V e = to_float(shift_right<23>(shifted));
  const V f = from_bits((shifted & BitsOf<V>(0x007fffff)) + sqrt_half) - V(1.0f);
  const V z = product(f, f);
  const V p =
      polynomial(f, 0x1.555546p-2f, -0x1p-2f, 0x1.99a546p-3f, -0x1.555f16p-3f, 0x1.232fe8p-3f,
                 -0x1.fbc1e6p-4f, 0x1.e6f4eep-4f, -0x1.e04a3ap-4f, 0x1.16babcp-4f);
  V y = fma(product(f, z), p, correction);
  y = fma(e, V(-2.12194440e-4f), y);
  y = fma(V(-0.5f), z, y);
  return fma(e, V(0.693359375f), f + y);
}

}  // namespace detail

// e^x. 0 below -87.3365 (where it would be denormal), infinity above 88.7228.
template <Lanes V>
HONE_HD inline V exp(V x) {
  using Bits = detail::BitsOf<V>;
  const auto parts = detail::split_exp(x);
  const V p = detail::polynomial(parts.r, 1.0f, 1.0f, 0.5f, 0x1.55548cp-3f, 0x1.5554e4p-5f,
                                 0x1.123d06p-7f, 0x1.6d514ep-10f);
  const Bits scaled = to_bits(p) + shift_left<23>(to_bits(parts.rounder));
  V y = from_bits(scaled);
  y = select(x <= V(88.72283f), y, x + V(std::numeric_limits<float>::infinity()));
  return select(x < V(-87.33654f), V(0.0f), y);
}

// e^x - 1, accurate near 0.
template <Lanes V>
HONE_HD inline V expm1(V x) {
  using Bits = detail::BitsOf<V>;
  const V low(-20.0f), high(89.0f);
  const V limited = clamp(x, low, high);
  const auto parts = detail::split_exp(limited);
  const V r = parts.r;
  const V q = detail::polynomial(r, 0x1.555556p-3f, 0x1.5554fp-5f, 0x1.110fe0p-7f, 0x1.6d436ep-10f,
                                 0x1.a293cep-13f);
  const V e = fma(product(r, r), fma(r, q, V(0.5f)), r);
  // Half of 2^n, so that n = 128 fits.
  const V half = from_bits(shift_left<23>(to_bits(parts.rounder) + Bits(126)));
  const V y = fma(half, e, half - V(0.5f));
  return select(abs(x) >= V(0x1p-25f), y + y, x);  // not where x is NaN
}

// The natural logarithm. -infinity at 0, NaN below; denormal arguments count.
template <Lanes V>
HONE_HD inline V log(V x) {
  const float inf = std::numeric_limits<float>::infinity();
  const auto small = x < V(std::numeric_limits<float>::min());
  const V u = select(small, product(x, V(0x1p23f)), x);
  // 23 ln 2 in two parts, the first in few bits.
  const V y = detail::log_plus(u, V(0.0f)) - select(small, V(15.9423847f), V(0.0f));
  const V at_edges = select(x == V(0.0f), V(-inf), V(std::numeric_limits<float>::quiet_NaN()));
  return select(x > V(0.0f), select(x < V(inf), y, x), select(x == x, at_edges, x));
}

// log(1 + x), accurate near 0.
template <Lanes V>
HONE_HD inline V log1p(V x) {
  const float inf = std::numeric_limits<float>::infinity();
  const V u = V(1.0f) + x;
  const V lost = x - (u - V(1.0f));  // what the rounding of u took
  const V y = detail::log_plus(u, lost / u);
  const V at_edges = select(x == V(-1.0f), V(-inf), V(std::numeric_limits<float>::quiet_NaN()));
  const V finite = select(abs(x) < V(0x1p-25f), x, y);
  return select(x > V(-1.0f), select(x < V(inf), finite, x), select(x == x, at_edges, x));
}

// (e^2x - 1) / (e^2x + 1)
template <Lanes V>
HONE_HD inline V tanh(V x) {
  const V a = min(abs(x), V(10.0f));
  const V z = product(a, a);
  const V inner = fma(product(a, z),
                      detail::polynomial(z, -0x1.555552p-2f, 0x1.110e0cp-3f, -0x1.b92412p-5f,
                                         0x1.57feecp-6f, -0x1.8f8336p-8f),
                      a);
  const V outer = V(1.0f) - V(2.0f) / (exp(a + a) + V(1.0f));
  return select(x == x, copysign(select(a < V(0.625f), inner, outer), x), x);
}

// 1 / (1 + e^-x)
template <Lanes V>
HONE_HD inline V sigmoid(V x) {
  const V e = exp(-abs(x));
  const V y = select(x < V(0.0f), e, V(1.0f));
  return fma(-y, e / (V(1.0f) + e), y);  // = y / (1 + e), with less rounding
}

// log(1 + e^x)
template <Lanes V>
HONE_HD inline V softplus(V x) {
  return max(x, V(0.0f)) + log1p(exp(-abs(x)));
}

// log(1 / (1 + e^-x)) = -softplus(-x)
template <Lanes V>
HONE_HD inline V log_sigmoid(V x) {
  return min(x, V(0.0f)) - log1p(exp(-abs(x)));
}

// The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.
template <Lanes V>
HONE_HD inline V erf(V x) {
  const V a = min(abs(x), V(4.0f));
  const V z = product(a, a);
  const V inner =
      fma(a,
          detail::polynomial(z, 0x1.06eba8p-3f, -0x1.812740p-2f, 0x1.ce2d50p-4f, -0x1.b7fe8ep-6f,
                             0x1.542deep-8f, -0x1.a5099ep-11f, 0x1.4c2f4cp-14f),
          a);
  const V outer =
      V(1.0f) - exp(detail::polynomial(a - V(2.5f), -0x1.f3a2dcp+2f, -0x1.56924ep+2f,
                                       -0x1.e3459ep-1f, -0x1.63acf2p-7f, 0x1.1b6470p-9f,
                                       -0x1.c8ebe0p-12f, 0x1.f346940p-15f, -0x1.72c47cp-16f));
  return select(x == x, copysign(select(a < V(1.0f), inner, outer), x), x);
}

template <std::same_as<double> V>
HONE_HD inline V exp(V x) {
  return std::exp(x);
}
template <std::same_as<double> V>
HONE_HD inline V expm1(V x) {
  return std::expm1(x);
}
template <std::same_as<double> V>
HONE_HD inline V log(V x) {
  return std::log(x);
}
template <std::same_as<double> V>
HONE_HD inline V log1p(V x) {
  return std::log1p(x);
}
template <std::same_as<double> V>
HONE_HD inline V tanh(V x) {
  return std::tanh(x);
}
template <std::same_as<double> V>
HONE_HD inline V erf(V x) {
  return std::erf(x);
}
template <std::same_as<double> V>
HONE_HD inline V sigmoid(V x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}
template <std::same_as<double> V>
HONE_HD inline V softplus(V x) {
  return max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}
template <std::same_as<double> V>
HONE_HD inline V log_sigmoid(V x) {
  return min(x, 0.0) - std::log1p(std::exp(-std::fabs(x)));
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
