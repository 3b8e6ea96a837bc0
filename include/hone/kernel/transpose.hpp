// Transposes a block of 16 x 16 floats.
#pragma once

#include <cstdint>

#include "hone/core/registers.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

#if HONE_SIMD > 0
inline void transpose8(const float* from, float* to) {
  __m256 r[8], s[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(from + i * 16);
  for (int i = 0; i < 8; i += 2) {
    s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = _mm256_shuffle_ps(s[i + j], s[i + j + 2], _MM_SHUFFLE(1, 0, 1, 0));
      r[i + 2 * j + 1] = _mm256_shuffle_ps(s[i + j], s[i + j + 2], _MM_SHUFFLE(3, 2, 3, 2));
    }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(to + i * 16, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * 16, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

// to[j][i] = from[i][j]
inline void transpose16(const float* from, float* to) {
  transpose8(from, to);
  transpose8(from + 8, to + 8 * 16);
  transpose8(from + 8 * 16, to + 8);
  transpose8(from + 8 * 16 + 8, to + 8 * 16 + 8);
}
#else
inline void transpose16(const float* from, float* to) {
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) to[j * 16 + i] = from[i * 16 + j];
}
#endif

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
