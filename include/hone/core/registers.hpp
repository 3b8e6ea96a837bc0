// Sixteen floats in the registers of this build: one __m512, two __m256 or a plain array.
//
// Only core/pack.hpp uses these primitives. Each gives the same bits in all three forms; a product
// passes through an empty assembler statement wherever the compiler could otherwise fuse it with a
// following addition (GCC fuses even intrinsics).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "hone/core/config.hpp"

#if HONE_SIMD > 0
// g++ 12 warns of its own AVX-512 intrinsics wherever they are inlined (GCC bug 105593): what they
// begin with is undefined on purpose.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif

namespace hone {
inline namespace v0 {
namespace detail {

// a b, rounded before anything else happens to it.
HONE_HD constexpr float rounded_product(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  float p = a * b;
  if (!__builtin_is_constant_evaluated()) {
#if defined(__FMA__)
    asm("" : "+x"(p));
#elif defined(__aarch64__)
    asm("" : "+w"(p));
#elif !defined(__x86_64__)
    asm("" : "+m"(p));
#endif
  }
  return p;
#endif
}

HONE_HD constexpr double rounded_product(double a, double b) {
#if defined(__CUDA_ARCH__)
  return __dmul_rn(a, b);
#else
  double p = a * b;
  if (!__builtin_is_constant_evaluated()) {
#if defined(__FMA__)
    asm("" : "+x"(p));
#elif defined(__aarch64__)
    asm("" : "+w"(p));
#elif !defined(__x86_64__)
    asm("" : "+m"(p));
#endif
  }
  return p;
#endif
}

#if HONE_SIMD == 512

using Floats = __m512;
using Ints = __m512i;
using Mask = __mmask16;

inline Floats f_set(float x) { return _mm512_set1_ps(x); }
inline Floats f_load(const float* p) { return _mm512_loadu_ps(p); }
inline void f_store(float* p, Floats a) { _mm512_storeu_ps(p, a); }
inline Mask m_first(int n) { return static_cast<Mask>(n >= 16 ? 0xFFFFu : (1u << n) - 1u); }
inline Floats f_load(const float* p, int n) { return _mm512_maskz_loadu_ps(m_first(n), p); }
inline void f_store(float* p, Floats a, int n) { _mm512_mask_storeu_ps(p, m_first(n), a); }
inline Floats f_add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
inline Floats f_sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
inline Floats f_mul(Floats a, Floats b) {
  Floats p = _mm512_mul_ps(a, b);
  asm("" : "+v"(p));
  return p;
}
inline Floats f_div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
inline Floats f_fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats f_min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline Floats f_max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats f_sqrt(Floats a) { return _mm512_sqrt_ps(a); }
inline Mask f_lt(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
inline Mask f_le(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
inline Mask f_eq(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
inline Floats f_select(Mask m, Floats a, Floats b) { return _mm512_mask_blend_ps(m, b, a); }
inline Floats f_keep(Mask m, Floats a) { return _mm512_maskz_mov_ps(m, a); }
inline Mask m_and(Mask a, Mask b) { return static_cast<Mask>(a & b); }
inline Mask m_or(Mask a, Mask b) { return static_cast<Mask>(a | b); }
inline Mask m_not(Mask a) { return static_cast<Mask>(~a); }
inline unsigned m_bits(Mask a) { return a; }
inline Ints f_bits(Floats a) { return _mm512_castps_si512(a); }
inline Floats i_float(Ints a) { return _mm512_castsi512_ps(a); }
inline Ints i_set(std::int32_t x) { return _mm512_set1_epi32(x); }
inline Ints i_add(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
inline Ints i_sub(Ints a, Ints b) { return _mm512_sub_epi32(a, b); }
inline Ints i_and(Ints a, Ints b) { return _mm512_and_si512(a, b); }
inline Ints i_or(Ints a, Ints b) { return _mm512_or_si512(a, b); }
inline Ints i_xor(Ints a, Ints b) { return _mm512_xor_si512(a, b); }
template <int N>
inline Ints i_shl(Ints a) {
  return _mm512_slli_epi32(a, N);
}
template <int N>
inline Ints i_shr(Ints a) {  // the sign is repeated
  return _mm512_srai_epi32(a, N);
}
inline Floats i_convert(Ints a) { return _mm512_cvtepi32_ps(a); }
inline float f_sum(Floats x) {
  const __m256 b = _mm512_extractf32x8_ps(x, 1);
  const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(x), b);
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
inline float f_max_lane(Floats x) {
  const __m256 b = _mm512_extractf32x8_ps(x, 1);
  const __m256 h = _mm256_max_ps(_mm512_castps512_ps256(x), b);
  __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

#elif HONE_SIMD == 256

// Copied register by register: as one block GCC 12 moves it through memory in pieces, and a formula
// of many packs then runs at a third of its speed.
struct Floats {
  __m256 a, b;  // lanes 0..7 and 8..15

  Floats() = default;
  Floats(__m256 low, __m256 high) : a(low), b(high) {}
  Floats(const Floats& x) : a(x.a), b(x.b) {}
  Floats& operator=(const Floats& x) {
    a = x.a;
    b = x.b;
    return *this;
  }
};
struct Ints {
  __m256i a, b;
};
using Mask = Floats;  // all bits of a lane set or none

inline Floats f_set(float x) {
  const __m256 v = _mm256_set1_ps(x);
  return {v, v};
}
inline Floats f_load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void f_store(float* p, Floats x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
inline Ints i_first(int n) {
  const __m256i count = _mm256_set1_epi32(n);
  return {_mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
          _mm256_cmpgt_epi32(count, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15))};
}
inline Mask m_first(int n) {
  const Ints m = i_first(n);
  return {_mm256_castsi256_ps(m.a), _mm256_castsi256_ps(m.b)};
}
inline Floats f_load(const float* p, int n) {
  const Ints m = i_first(n);
  const float* high = n > 8 ? p + 8 : p;  // where nothing is read, no pointer is formed either
  return {_mm256_maskload_ps(p, m.a), _mm256_maskload_ps(high, m.b)};
}
inline void f_store(float* p, Floats x, int n) {
  const Ints m = i_first(n);
  _mm256_maskstore_ps(p, m.a, x.a);
  _mm256_maskstore_ps(n > 8 ? p + 8 : p, m.b, x.b);
}
inline Floats f_add(Floats x, Floats y) {
  return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
inline Floats f_sub(Floats x, Floats y) {
  return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
inline Floats f_mul(Floats x, Floats y) {
  Floats p = {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
  asm("" : "+x"(p.a));
  asm("" : "+x"(p.b));
  return p;
}
inline Floats f_div(Floats x, Floats y) {
  return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
inline Floats f_fma(Floats x, Floats y, Floats z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
inline Floats f_min(Floats x, Floats y) {
  return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}
inline Floats f_max(Floats x, Floats y) {
  return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
inline Floats f_sqrt(Floats x) { return {_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
inline Mask f_lt(Floats x, Floats y) {
  return {_mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ)};
}
inline Mask f_le(Floats x, Floats y) {
  return {_mm256_cmp_ps(x.a, y.a, _CMP_LE_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_LE_OQ)};
}
inline Mask f_eq(Floats x, Floats y) {
  return {_mm256_cmp_ps(x.a, y.a, _CMP_EQ_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_EQ_OQ)};
}
// GCC 12 makes a comparison with zero of the intrinsic's mask, and then computes it for every mask
// that is used twice.
inline __m256 blend(__m256 m, __m256 x, __m256 y) {
#if defined(__clang__)
  return _mm256_blendv_ps(y, x, m);
#else
  __m256 r;
  asm("vblendvps %3, %2, %1, %0" : "=x"(r) : "x"(y), "x"(x), "x"(m));
  return r;
#endif
}
inline Floats f_select(Mask m, Floats x, Floats y) {
  return {blend(m.a, x.a, y.a), blend(m.b, x.b, y.b)};
}
inline Floats f_keep(Mask m, Floats x) {
  return {_mm256_and_ps(x.a, m.a), _mm256_and_ps(x.b, m.b)};
}
inline Mask m_and(Mask x, Mask y) { return {_mm256_and_ps(x.a, y.a), _mm256_and_ps(x.b, y.b)}; }
inline Mask m_or(Mask x, Mask y) { return {_mm256_or_ps(x.a, y.a), _mm256_or_ps(x.b, y.b)}; }
inline Mask m_not(Mask x) {
  const __m256 ones = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  return {_mm256_xor_ps(x.a, ones), _mm256_xor_ps(x.b, ones)};
}
inline unsigned m_bits(Mask x) {
  return static_cast<unsigned>(_mm256_movemask_ps(x.a)) |
         (static_cast<unsigned>(_mm256_movemask_ps(x.b)) << 8);
}
inline Ints f_bits(Floats x) { return {_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; }
inline Floats i_float(Ints x) { return {_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)}; }
inline Ints i_set(std::int32_t x) {
  const __m256i v = _mm256_set1_epi32(x);
  return {v, v};
}
inline Ints i_add(Ints x, Ints y) {
  return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)};
}
inline Ints i_sub(Ints x, Ints y) {
  return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)};
}
inline Ints i_and(Ints x, Ints y) {
  return {_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)};
}
inline Ints i_or(Ints x, Ints y) { return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }
inline Ints i_xor(Ints x, Ints y) {
  return {_mm256_xor_si256(x.a, y.a), _mm256_xor_si256(x.b, y.b)};
}
template <int N>
inline Ints i_shl(Ints x) {
  return {_mm256_slli_epi32(x.a, N), _mm256_slli_epi32(x.b, N)};
}
template <int N>
inline Ints i_shr(Ints x) {  // the sign is repeated
  return {_mm256_srai_epi32(x.a, N), _mm256_srai_epi32(x.b, N)};
}
inline Floats i_convert(Ints x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
inline float f_sum(Floats x) {
  const __m256 h = _mm256_add_ps(x.a, x.b);
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
inline float f_max_lane(Floats x) {
  const __m256 h = _mm256_max_ps(x.a, x.b);
  __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

#else

struct Floats {
  float v[16];
};
struct Ints {
  std::int32_t v[16];
};
struct Mask {
  bool v[16];
};

template <class Out, class F>
inline Out lanewise(F f) {
  Out out;
  for (int l = 0; l < 16; ++l) out.v[l] = f(l);
  return out;
}

inline Floats f_set(float x) {
  return lanewise<Floats>([=](int) { return x; });
}
inline Floats f_load(const float* p) {
  return lanewise<Floats>([=](int l) { return p[l]; });
}
inline void f_store(float* p, const Floats& a) { std::memcpy(p, a.v, sizeof a.v); }
inline Mask m_first(int n) {
  return lanewise<Mask>([=](int l) { return l < n; });
}
inline Floats f_load(const float* p, int n) {
  return lanewise<Floats>([=](int l) { return l < n ? p[l] : 0.0f; });
}
inline void f_store(float* p, const Floats& a, int n) {
  for (int l = 0; l < 16 && l < n; ++l) p[l] = a.v[l];
}
inline Floats f_add(const Floats& a, const Floats& b) {
  return lanewise<Floats>([&](int l) { return a.v[l] + b.v[l]; });
}
inline Floats f_sub(const Floats& a, const Floats& b) {
  return lanewise<Floats>([&](int l) { return a.v[l] - b.v[l]; });
}
inline Floats f_mul(const Floats& a, const Floats& b) {
  return lanewise<Floats>([&](int l) { return rounded_product(a.v[l], b.v[l]); });
}
inline Floats f_div(const Floats& a, const Floats& b) {
  return lanewise<Floats>([&](int l) { return a.v[l] / b.v[l]; });
}
inline Floats f_fma(const Floats& a, const Floats& b, const Floats& c) {
  return lanewise<Floats>([&](int l) { return __builtin_fmaf(a.v[l], b.v[l], c.v[l]); });
}
inline Floats f_min(const Floats& a, const Floats& b) {
  return lanewise<Floats>([&](int l) { return a.v[l] < b.v[l] ? a.v[l] : b.v[l]; });
}
inline Floats f_max(const Floats& a, const Floats& b) {
  return lanewise<Floats>([&](int l) { return a.v[l] > b.v[l] ? a.v[l] : b.v[l]; });
}
inline Floats f_sqrt(const Floats& a) {
  return lanewise<Floats>([&](int l) { return std::sqrt(a.v[l]); });
}
inline Mask f_lt(const Floats& a, const Floats& b) {
  return lanewise<Mask>([&](int l) { return a.v[l] < b.v[l]; });
}
inline Mask f_le(const Floats& a, const Floats& b) {
  return lanewise<Mask>([&](int l) { return a.v[l] <= b.v[l]; });
}
inline Mask f_eq(const Floats& a, const Floats& b) {
  return lanewise<Mask>([&](int l) { return a.v[l] == b.v[l]; });
}
inline Floats f_select(const Mask& m, const Floats& a, const Floats& b) {
  return lanewise<Floats>([&](int l) { return m.v[l] ? a.v[l] : b.v[l]; });
}
inline Floats f_keep(const Mask& m, const Floats& a) {
  return lanewise<Floats>([&](int l) { return m.v[l] ? a.v[l] : 0.0f; });
}
inline Mask m_and(const Mask& a, const Mask& b) {
  return lanewise<Mask>([&](int l) { return a.v[l] && b.v[l]; });
}
inline Mask m_or(const Mask& a, const Mask& b) {
  return lanewise<Mask>([&](int l) { return a.v[l] || b.v[l]; });
}
inline Mask m_not(const Mask& a) {
  return lanewise<Mask>([&](int l) { return !a.v[l]; });
}
inline unsigned m_bits(const Mask& a) {
  unsigned bits = 0;
  for (int l = 0; l < 16; ++l) bits |= static_cast<unsigned>(a.v[l]) << l;
  return bits;
}
inline Ints f_bits(const Floats& a) {
  Ints out;
  std::memcpy(out.v, a.v, sizeof out.v);
  return out;
}
inline Floats i_float(const Ints& a) {
  Floats out;
  std::memcpy(out.v, a.v, sizeof out.v);
  return out;
}
inline std::int32_t wrap(std::uint32_t x) { return static_cast<std::int32_t>(x); }
inline std::uint32_t unwrap(std::int32_t x) { return static_cast<std::uint32_t>(x); }
inline Ints i_set(std::int32_t x) {
  return lanewise<Ints>([=](int) { return x; });
}
inline Ints i_add(const Ints& a, const Ints& b) {
  return lanewise<Ints>([&](int l) { return wrap(unwrap(a.v[l]) + unwrap(b.v[l])); });
}
inline Ints i_sub(const Ints& a, const Ints& b) {
  return lanewise<Ints>([&](int l) { return wrap(unwrap(a.v[l]) - unwrap(b.v[l])); });
}
inline Ints i_and(const Ints& a, const Ints& b) {
  return lanewise<Ints>([&](int l) { return a.v[l] & b.v[l]; });
}
inline Ints i_or(const Ints& a, const Ints& b) {
  return lanewise<Ints>([&](int l) { return a.v[l] | b.v[l]; });
}
inline Ints i_xor(const Ints& a, const Ints& b) {
  return lanewise<Ints>([&](int l) { return a.v[l] ^ b.v[l]; });
}
template <int N>
inline Ints i_shl(const Ints& a) {
  return lanewise<Ints>([&](int l) { return wrap(unwrap(a.v[l]) << N); });
}
template <int N>
inline Ints i_shr(const Ints& a) {  // the sign is repeated
  return lanewise<Ints>([&](int l) { return a.v[l] >> N; });
}
inline Floats i_convert(const Ints& a) {
  return lanewise<Floats>([&](int l) { return static_cast<float>(a.v[l]); });
}
inline float f_sum(Floats x) {
  for (int half = 8; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) x.v[l] += x.v[l + half];
  return x.v[0];
}
inline float f_max_lane(Floats x) {
  for (int half = 8; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) x.v[l] = x.v[l] > x.v[l + half] ? x.v[l] : x.v[l + half];
  return x.v[0];
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace hone
