// The operations of core/pack.hpp for single numbers, under the same names, so that one template
// serves float, double and pack. A lane of a pack gives the same bits as the float version.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "hone/core/config.hpp"
#include "hone/core/registers.hpp"

namespace hone {
inline namespace v0 {

// a b, rounded before anything is added to it.
template <std::floating_point T>
HONE_HD constexpr T product(T a, T b) {
  return detail::rounded_product(a, b);
}

// a b + c, rounded once.
template <std::floating_point T>
HONE_HD inline T fma(T a, std::type_identity_t<T> b, std::type_identity_t<T> c) {
  if constexpr (std::is_same_v<T, float>)
    return __builtin_fmaf(a, b, c);
  else
    return __builtin_fma(a, b, c);
}

template <std::floating_point T>
HONE_HD constexpr T select(bool condition, T a, std::type_identity_t<T> b) {
  return condition ? a : b;
}

// a where the condition holds, 0 elsewhere.
template <std::floating_point T>
HONE_HD constexpr T keep(bool condition, T a) {
  return condition ? a : T(0);
}

// The second argument when one is NaN or both are zero.
template <std::floating_point T>
HONE_HD constexpr T min(T a, std::type_identity_t<T> b) {
  return a < b ? a : b;
}
template <std::floating_point T>
HONE_HD constexpr T max(T a, std::type_identity_t<T> b) {
  return a > b ? a : b;
}

// x limited to [low, high]; a NaN stays.
template <std::floating_point T>
HONE_HD constexpr T clamp(T x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  const T raised = low > x ? low : x;
  return high < raised ? high : raised;
}

template <std::floating_point T>
HONE_HD inline T abs(T x) {
  return std::fabs(x);
}
template <std::floating_point T>
HONE_HD inline T sqrt(T x) {
  return std::sqrt(x);
}
template <std::floating_point T>
HONE_HD inline T copysign(T magnitude, std::type_identity_t<T> sign) {
  return std::copysign(magnitude, sign);
}

// The bit pattern of a float, as an integer that wraps.
HONE_HD constexpr std::uint32_t to_bits(float x) { return std::bit_cast<std::uint32_t>(x); }
HONE_HD constexpr float from_bits(std::uint32_t x) { return std::bit_cast<float>(x); }
HONE_HD constexpr float to_float(std::uint32_t x) {
  return static_cast<float>(static_cast<std::int32_t>(x));
}
template <int N>
HONE_HD constexpr std::uint32_t shift_left(std::uint32_t x) {
  return x << N;
}
template <int N>
HONE_HD constexpr std::uint32_t shift_right(std::uint32_t x) {  // the sign is repeated
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(x) >> N);
}

}  // namespace v0
}  // namespace hone
