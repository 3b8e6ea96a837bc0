// Sixteen floats that are computed together, the same bits on every machine.
//
// Every operation is the IEEE single-precision one, lane by lane, rounded once; a product is never
// fused with a following addition (write fma for that), whatever -ffp-contract says. min(a, b) is
// a < b ? a : b and max(a, b) is a > b ? a : b: with a NaN on either side, or two zeros, the second
// argument. The sum over the lanes has one fixed tree. A NaN is a NaN in every build; which NaN
// (sign, payload) is not specified.
#pragma once

#include <cstdint>

#include "hone/core/config.hpp"
#include "hone/core/registers.hpp"

namespace hone {
inline namespace v0 {

// Sixteen booleans, made by comparing packs.
struct pack_mask {
  detail::Mask v;

  // True in lanes 0 .. n-1.
  static pack_mask first(int n) { return {detail::m_first(n)}; }

  bool operator[](int lane) const { return (detail::m_bits(v) >> lane) & 1u; }

  friend pack_mask operator&(pack_mask a, pack_mask b) { return {detail::m_and(a.v, b.v)}; }
  friend pack_mask operator|(pack_mask a, pack_mask b) { return {detail::m_or(a.v, b.v)}; }
  friend pack_mask operator!(pack_mask a) { return {detail::m_not(a.v)}; }
  friend pack_mask operator&&(pack_mask a, pack_mask b) { return a & b; }
  friend pack_mask operator||(pack_mask a, pack_mask b) { return a | b; }
  // Bit l is lane l.
  friend unsigned bits(pack_mask a) { return detail::m_bits(a.v); }
  friend bool any(pack_mask a) { return bits(a) != 0; }
  friend bool all(pack_mask a) { return bits(a) == 0xFFFFu; }
};

// The bit patterns of sixteen floats as 32-bit integers that wrap; shifts to the right repeat the
// sign.
struct pack_int {
  detail::Ints v;

  pack_int() = default;
  pack_int(std::int32_t x) : v(detail::i_set(x)) {}
  explicit pack_int(detail::Ints x) : v(x) {}

  friend pack_int operator+(pack_int a, pack_int b) { return pack_int(detail::i_add(a.v, b.v)); }
  friend pack_int operator-(pack_int a, pack_int b) { return pack_int(detail::i_sub(a.v, b.v)); }
  friend pack_int operator&(pack_int a, pack_int b) { return pack_int(detail::i_and(a.v, b.v)); }
  friend pack_int operator|(pack_int a, pack_int b) { return pack_int(detail::i_or(a.v, b.v)); }
  friend pack_int operator^(pack_int a, pack_int b) { return pack_int(detail::i_xor(a.v, b.v)); }
};

template <int N>
pack_int shift_left(pack_int a) {
  return pack_int(detail::i_shl<N>(a.v));
}
template <int N>
pack_int shift_right(pack_int a) {
  return pack_int(detail::i_shr<N>(a.v));
}

struct pack {
  static constexpr int lanes = 16;
  detail::Floats v;

  pack() = default;  // lanes are not set
  pack(float x) : v(detail::f_set(x)) {}
  explicit pack(detail::Floats x) : v(x) {}

  static pack load(const float* p) { return pack(detail::f_load(p)); }
  // The first n lanes from memory, the rest 0; nothing past p[n - 1] is touched.
  static pack load(const float* p, int n) { return pack(detail::f_load(p, n)); }
  void store(float* p) const { detail::f_store(p, v); }
  void store(float* p, int n) const { detail::f_store(p, v, n); }

  // One lane, through memory: for tests and for code that runs once.
  float operator[](int lane) const {
    float all_lanes[16];
    store(all_lanes);
    return all_lanes[lane];
  }

  friend pack operator+(pack a, pack b) { return pack(detail::f_add(a.v, b.v)); }
  friend pack operator-(pack a, pack b) { return pack(detail::f_sub(a.v, b.v)); }
  friend pack operator*(pack a, pack b) { return pack(detail::f_mul(a.v, b.v)); }
  friend pack operator/(pack a, pack b) { return pack(detail::f_div(a.v, b.v)); }
  friend pack operator+(pack a) { return a; }
  friend pack operator-(pack a) {
    return pack(detail::i_float(detail::i_xor(detail::f_bits(a.v), detail::i_set(INT32_MIN))));
  }
  pack& operator+=(pack b) { return *this = *this + b; }
  pack& operator-=(pack b) { return *this = *this - b; }
  pack& operator*=(pack b) { return *this = *this * b; }
  pack& operator/=(pack b) { return *this = *this / b; }

  friend pack_mask operator<(pack a, pack b) { return {detail::f_lt(a.v, b.v)}; }
  friend pack_mask operator<=(pack a, pack b) { return {detail::f_le(a.v, b.v)}; }
  friend pack_mask operator>(pack a, pack b) { return {detail::f_lt(b.v, a.v)}; }
  friend pack_mask operator>=(pack a, pack b) { return {detail::f_le(b.v, a.v)}; }
  friend pack_mask operator==(pack a, pack b) { return {detail::f_eq(a.v, b.v)}; }
  friend pack_mask operator!=(pack a, pack b) { return !(a == b); }

  // a b + c, rounded once.
  friend pack fma(pack a, pack b, pack c) { return pack(detail::f_fma(a.v, b.v, c.v)); }
  friend pack min(pack a, pack b) { return pack(detail::f_min(a.v, b.v)); }
  friend pack max(pack a, pack b) { return pack(detail::f_max(a.v, b.v)); }
  // x limited to [low, high]; a NaN stays.
  friend pack clamp(pack x, pack low, pack high) { return min(high, max(low, x)); }
  friend pack abs(pack a) {
    return pack(detail::i_float(detail::i_and(detail::f_bits(a.v), detail::i_set(INT32_MAX))));
  }
  friend pack sqrt(pack a) { return pack(detail::f_sqrt(a.v)); }
  // |magnitude| with the sign bit of `sign`.
  friend pack copysign(pack magnitude, pack sign) {
    return pack(detail::i_float(
        detail::i_or(detail::i_and(detail::f_bits(magnitude.v), detail::i_set(INT32_MAX)),
                     detail::i_and(detail::f_bits(sign.v), detail::i_set(INT32_MIN)))));
  }
  friend pack select(pack_mask m, pack a, pack b) { return pack(detail::f_select(m.v, a.v, b.v)); }
  // a where the condition holds, 0 elsewhere.
  friend pack keep(pack_mask m, pack a) { return pack(detail::f_keep(m.v, a.v)); }

  friend pack_int to_bits(pack a) { return pack_int(detail::f_bits(a.v)); }

  // The sum of the lanes in the one fixed tree: lane l with lane l + 8, then + 4, + 2, + 1.
  friend float sum(pack a) { return detail::f_sum(a.v); }
  // The largest lane: max over the same tree.
  friend float max_lane(pack a) { return detail::f_max_lane(a.v); }
};

inline pack from_bits(pack_int a) { return pack(detail::i_float(a.v)); }
inline pack to_float(pack_int a) { return pack(detail::i_convert(a.v)); }

}  // namespace v0
}  // namespace hone
