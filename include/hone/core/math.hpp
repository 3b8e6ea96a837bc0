// Elementary functions that are ours: one sequence of operations for a float and for a lane of a
// pack, so both give the same bits, in every build and on every machine.
//
// exp, log, log1p, expm1, tanh, sigmoid, log_sigmoid, softplus and erf are templates over float and
// pack, within 1.6 units in the last place (tests/core/math_test.cpp prints the worst found). exp,
// sigmoid, log_sigmoid and softplus give 0 where the result would be denormal. NaN goes to NaN.
// The double versions serve the objectives of sequences and pairs, rotary tables and references:
// core/math_double.hpp.
//
// The coefficients come from tests/goldens/math_coefficients.py.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "hone/core/config.hpp"
#include "hone/core/math_double.hpp"
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

}  // namespace v0
}  // namespace hone
