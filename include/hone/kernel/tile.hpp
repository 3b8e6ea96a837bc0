// The register tile that every matrix product of the library is made of.
//
// acc[r][c] = acc[r][c] + a[r, 0] b[0, c] + a[r, 1] b[1, c] + ...   one FMA chain, ascending
//
// r runs over at most `tile_height` rows, c over packs of 16 lanes. The accumulators of a tile stay
// in registers for the whole chain; a chain may be cut anywhere and continued from memory without
// changing a bit, so cache blocking is invisible in the results.
#pragma once

#include <algorithm>
#include <cstdint>

#include "hone/core/registers.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

// Tiles count single registers: in a struct of two, GCC 12 stores the accumulators at every step.
#if HONE_SIMD == 512
using Register = __m512;
inline constexpr int register_lanes = 16;
[[gnu::always_inline]] inline Register r_set(float x) { return _mm512_set1_ps(x); }
[[gnu::always_inline]] inline Register r_load(const float* p) { return _mm512_loadu_ps(p); }
[[gnu::always_inline]] inline void r_store(float* p, Register x) { _mm512_storeu_ps(p, x); }
[[gnu::always_inline]] inline Register r_fma(Register a, Register b, Register c) {
  return _mm512_fmadd_ps(a, b, c);
}
#elif HONE_SIMD == 256
using Register = __m256;
inline constexpr int register_lanes = 8;
[[gnu::always_inline]] inline Register r_set(float x) { return _mm256_set1_ps(x); }
[[gnu::always_inline]] inline Register r_load(const float* p) { return _mm256_loadu_ps(p); }
[[gnu::always_inline]] inline void r_store(float* p, Register x) { _mm256_storeu_ps(p, x); }
[[gnu::always_inline]] inline Register r_fma(Register a, Register b, Register c) {
  return _mm256_fmadd_ps(a, b, c);
}
#else
using Register = hone::detail::Floats;
inline constexpr int register_lanes = 16;
inline Register r_set(float x) { return hone::detail::f_set(x); }
inline Register r_load(const float* p) { return hone::detail::f_load(p); }
inline void r_store(float* p, const Register& x) { hone::detail::f_store(p, x); }
inline Register r_fma(const Register& a, const Register& b, const Register& c) {
  return hone::detail::f_fma(a, b, c);
}
#endif

// Rows of the largest tile. 256 bits: 12 + 3 of 16 registers. 512 bits: chains enough for the
// latency of two FMA units, and row addresses that fit the general registers (on a Zen 4, 14 rows
// were 5 to 8 % slower).
inline constexpr int tile_height = HONE_SIMD == 512 ? 10 : 6;

// Packs of the largest tile. 512 bits: two, or a load for each multiply-add would keep two FMA
// units waiting.
inline constexpr int tile_packs = HONE_SIMD == 512 ? 2 : 1;

// Where chains that have no bias start.
alignas(64) inline constexpr float zeros[64] = {};

// What a tile reads and writes; r is a row, c a pack of 16, k a step.
struct TileWork {
  // Accumulators begin as start[r * start_row + c * start_pack] and end at
  // to[r * to_row + c * to_pack].
  const float* start;
  std::int64_t start_row, start_pack = 16;
  float* to;
  std::int64_t to_row, to_pack = 16;
  // Factors of the rows: a[r * a_row + k * Step].
  const float* a;
  std::int64_t a_row;
  // Factors of the lanes: b[16 k + c * b_pack].
  const float* b;
  std::int64_t b_pack;
  std::int64_t steps;
  // The steps come in so many parts; in the next part of `a` begins a_part further on, b goes on.
  std::int64_t parts = 1;
  std::int64_t a_part = 0;
  // If Fetch: brought into the cache in step k of a part, fetch[k * fetch_step + c * b_pack].
  const float* fetch = nullptr;
  std::int64_t fetch_step = 0;
};

// The tile of R rows and N packs. Each loop over registers has one index and is unrolled whole, so
// that they are registers and not an array. (A function for each of them, by templates, gave the
// same code and took every file that includes this up to two seconds longer to compile.)
template <int R, int N, int Step, bool Fetch = false>
[[gnu::noinline]] void tile(const TileWork& work) {
  constexpr int C = N * 16 / register_lanes;
  constexpr int per_pack = 16 / register_lanes;
  Register acc[R * C];
#pragma GCC unroll 64
  for (int i = 0; i < R * C; ++i)
    acc[i] = r_load(work.start + i / C * work.start_row + i % C / per_pack * work.start_pack +
                    i % per_pack * register_lanes);
  const float* a = work.a;
  const float* b = work.b;
  const float* fetch = work.fetch;
  const std::int64_t a_row = work.a_row, b_pack = work.b_pack, steps = work.steps;
  for (std::int64_t part = work.parts; part > 0; --part, a += work.a_part) {
    const float* row[R];
#pragma GCC unroll 64
    for (int r = 0; r < R; ++r) row[r] = a + r * a_row;
#pragma GCC unroll 2
    for (std::int64_t k = 0; k < steps; ++k, b += 16) {
      Register lanes[C];
#pragma GCC unroll 64
      for (int c = 0; c < C; ++c)
        lanes[c] = r_load(b + c / per_pack * b_pack + c % per_pack * register_lanes);
      if constexpr (Fetch) {
#pragma GCC unroll 64
        for (int c = 0; c < N; ++c) __builtin_prefetch(fetch + c * b_pack);
        fetch += work.fetch_step;
      }
#pragma GCC unroll 64
      for (int i = 0; i < R * C; ++i)
        acc[i] = r_fma(r_set(row[i / C][k * Step]), lanes[i % C], acc[i]);
    }
  }
#pragma GCC unroll 64
  for (int i = 0; i < R * C; ++i)
    r_store(work.to + i / C * work.to_row + i % C / per_pack * work.to_pack +
                i % per_pack * register_lanes,
            acc[i]);
}

// The same for 1 to tile_height rows that are known when the program runs.
template <int N, int Step, bool Fetch = false, int Most = tile_height>
inline void tile_of(std::int64_t rows, const TileWork& work) {
  if constexpr (Most > 1) {
    if (rows < Most) return tile_of<N, Step, Fetch, Most - 1>(rows, work);
  }
  tile<Most, N, Step, Fetch>(work);
}

// f.operator()<N>(p) over [first, last): tile_packs at a time below `whole`, then one at a time.
template <class F>
inline void each_packs(std::int64_t first, std::int64_t whole, std::int64_t last, const F& f) {
  if constexpr (tile_packs > 1)
    for (; first + tile_packs <= whole; first += tile_packs)
      f.template operator()<tile_packs>(first);
  for (; first < last; ++first) f.template operator()<1>(first);
}

// f(first row, rows) over tiles of nearly equal height.
template <class F>
inline void each_tile(std::int64_t rows, const F& f) {
  const std::int64_t tiles = (rows + tile_height - 1) / tile_height;
  for (std::int64_t t = 0, begin = 0; t < tiles; ++t) {
    const std::int64_t end = rows * (t + 1) / tiles;
    f(begin, end - begin);
    begin = end;
  }
}

// f(begin, end) over nearly equal parts of [0, n), none larger than `most`; one part at least.
template <class F>
inline void each_part(std::int64_t n, std::int64_t most, const F& f) {
  const std::int64_t parts = n > most ? (n + most - 1) / most : 1;
  for (std::int64_t i = 0; i < parts; ++i) f(n * i / parts, n * (i + 1) / parts);
}

// Rows of fewer than 16 numbers between row-major memory and rows of 16.
inline void widen(const float* from, std::int64_t stride, std::int64_t rows, int count, float* to) {
  for (std::int64_t r = 0; r < rows; ++r) std::copy_n(from + r * stride, count, to + r * 16);
}
inline void narrow(const float* from, std::int64_t rows, int count, float* to,
                   std::int64_t stride) {
  for (std::int64_t r = 0; r < rows; ++r) std::copy_n(from + r * 16, count, to + r * stride);
}

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
