// The register tile that every matrix product of the library is made of.
//
// acc[r][c] = acc[r][c] + a[r, 0] b[0, c] + a[r, 1] b[1, c] + ...   one FMA chain, ascending
//
// r runs over at most `tile_height` rows, c over packs of 16 lanes. The accumulators of a tile stay
// in registers for the whole chain; a chain may be cut anywhere and continued from memory without
// changing a bit, so cache blocking is invisible in the results.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "hone/core/pack.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

// Rows of the largest tile: 14 + 1 of 32 registers of 512 bits, 12 + 3 of 16 registers of 256 bits.
inline constexpr int tile_height = HONE_SIMD == 512 ? 14 : 6;

template <int N, class F>
[[gnu::always_inline]] inline void unrolled(const F& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, N>{});
}

// Continues R x N chains over n steps.
//   a[r * row_stride + k * Step]      the factor of row r in step k
//   b[k * 16 + c * pack_stride]       sixteen factors of pack c in step k
//   Ahead                             so many steps ahead, b is fetched into the cache (0: not)
template <int R, int N, int Step, int Ahead>
[[gnu::always_inline]] inline void chain(pack (&acc)[R][N], const float* a, std::int64_t row_stride,
                                         const float* b, std::int64_t pack_stride, std::int64_t n) {
  const float* row[R];
  unrolled<R>([&](auto r) { row[r] = a + r * row_stride; });
#pragma GCC unroll 2
  for (std::int64_t k = 0; k < n; ++k) {
    pack bk[N];
    unrolled<N>([&](auto c) {
      const float* p = b + k * 16 + c * pack_stride;
      bk[c] = pack::load(p);
      if constexpr (Ahead > 0) __builtin_prefetch(p + Ahead * 16);
    });
    unrolled<R>([&](auto r) {
      const pack x(row[r][k * Step]);
      unrolled<N>([&](auto c) { acc[r][c] = fma(x, bk[c], acc[r][c]); });
    });
  }
}

// f(integral_constant<int, rows>) for 1 <= rows <= Most.
template <int Most = tile_height, class F>
[[gnu::always_inline]] inline void with_rows(std::int64_t rows, const F& f) {
  if constexpr (Most > 1) {
    if (rows < Most) return with_rows<Most - 1>(rows, f);
  }
  f(std::integral_constant<int, Most>{});
}

// f(first row, rows) over tiles of nearly equal height.
template <class F>
[[gnu::always_inline]] inline void each_tile(std::int64_t rows, const F& f) {
  const std::int64_t tiles = (rows + tile_height - 1) / tile_height;
  for (std::int64_t t = 0, begin = 0; t < tiles; ++t) {
    const std::int64_t end = rows * (t + 1) / tiles;
    f(begin, end - begin);
    begin = end;
  }
}

// f(begin, end) over nearly equal parts of [0, n), none larger than `most`.
template <class F>
inline void each_part(std::int64_t n, std::int64_t most, const F& f) {
  const std::int64_t parts = (n + most - 1) / most;
  for (std::int64_t i = 0; i < parts; ++i) f(n * i / parts, n * (i + 1) / parts);
}

// The first `count` lanes, 16 of them in the common case.
[[gnu::always_inline]] inline pack load_lanes(const float* p, int count) {
  return count == 16 ? pack::load(p) : pack::load(p, count);
}
[[gnu::always_inline]] inline void store_lanes(pack x, float* p, int count) {
  if (count == 16)
    x.store(p);
  else
    x.store(p, count);
}

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
