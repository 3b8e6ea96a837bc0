// The register tile of attention: a few rows of fused multiply-add chains over packs of 16 columns.
//
// C[r][c] continues the chain C[r][c] = fma(A(r, k), B[k][c], C[r][c]) over k ascending. One
// accumulator per output element, so neither the tile's shape nor where a range of k is cut changes
// a bit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "hone/core/pack.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

// How A is stored: A(r, k) = a[r ld + k], or a[k ld + r] (the transpose of a stored matrix).
enum class Side { rows, columns };

// B is panels of 16 columns: panel p begins at b + p panel, its row k at k ld.
struct TileB {
  const float* data = nullptr;
  std::int64_t ld = 0;
  std::int64_t panel = 0;
};

struct TileA {
  const float* data = nullptr;
  std::int64_t ld = 0;
};

// C is row-major; panel p of a row is at + 16 p.
struct TileC {
  float* data = nullptr;
  std::int64_t ld = 0;
};

inline constexpr int tile_rows = 6;

// Panels side by side for a tile of `rows` rows: as many as the registers hold, since a chain alone
// waits for itself.
constexpr int tile_panels(int rows) {
  if (HONE_SIMD == 512) return rows <= 2 ? 8 : 4;
  return rows == 1 ? 4 : rows == 2 ? 2 : 1;
}

template <int Rows, int Panels, Side S, bool FromZero>
[[gnu::always_inline]] inline void attention_tile(std::int64_t n, TileA a, TileB b, TileC c) {
  pack sum[Rows][Panels];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (int p = 0; p < Panels; ++p)
      sum[r][p] = FromZero ? pack(0.0f) : pack::load(c.data + r * c.ld + 16 * p);
  const float* bk = b.data;
  const float* ak[Rows];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) ak[r] = a.data + (S == Side::rows ? r * a.ld : 0);
  for (std::int64_t k = 0; k < n; ++k) {
    pack column[Panels];
#pragma GCC unroll 16
    for (int p = 0; p < Panels; ++p) column[p] = pack::load(bk + p * b.panel);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const pack x(S == Side::rows ? ak[r][k] : ak[0][k * a.ld + r]);
#pragma GCC unroll 16
      for (int p = 0; p < Panels; ++p) sum[r][p] = fma(x, column[p], sum[r][p]);
    }
    bk += b.ld;
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (int p = 0; p < Panels; ++p) sum[r][p].store(c.data + r * c.ld + 16 * p);
}

// The same for any number of panels: as many at a time as fit, then half as many, and so on.
template <int Rows, Side S, bool FromZero, int Panels = tile_panels(Rows)>
[[gnu::flatten]] inline void attention_tiles(std::int64_t n, std::int64_t panels, TileA a, TileB b,
                                             TileC c) {
  for (; panels >= Panels; panels -= Panels, b.data += Panels * b.panel, c.data += 16 * Panels)
    attention_tile<Rows, Panels, S, FromZero>(n, a, b, c);
  if constexpr (Panels > 1)
    if (panels > 0) attention_tiles<Rows, S, FromZero, Panels / 2>(n, panels, a, b, c);
}

template <Side S, bool FromZero>
inline void attention_tile_of(int rows, std::int64_t n, std::int64_t panels, TileA a, TileB b,
                              TileC c) {
  switch (rows) {
    case 1:
      return attention_tiles<1, S, FromZero>(n, panels, a, b, c);
    case 2:
      return attention_tiles<2, S, FromZero>(n, panels, a, b, c);
    case 3:
      return attention_tiles<3, S, FromZero>(n, panels, a, b, c);
    case 4:
      return attention_tiles<4, S, FromZero>(n, panels, a, b, c);
    case 5:
      return attention_tiles<5, S, FromZero>(n, panels, a, b, c);
    default:
      return attention_tiles<6, S, FromZero>(n, panels, a, b, c);
  }
}

// The k of a row: [begin, end).
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// Row r of C continues its chains over k in range(r), nothing else: the part that all rows of a
// tile share runs as a tile, what is left before and after it row by row.
template <Side S, class RangeOf>
inline void chains(std::int64_t rows, const RangeOf& range, std::int64_t panels, TileA a, TileB b,
                   TileC c) {
  const auto run = [&](std::int64_t r, std::int64_t count, Range k) {
    if (k.begin >= k.end) return;
    const float* from = S == Side::rows ? a.data + r * a.ld + k.begin : a.data + k.begin * a.ld + r;
    attention_tile_of<S, false>(static_cast<int>(count), k.end - k.begin, panels, {from, a.ld},
                                {b.data + k.begin * b.ld, b.ld, b.panel},
                                {c.data + r * c.ld, c.ld});
  };
  for (std::int64_t r = 0; r < rows; r += tile_rows) {
    const std::int64_t last = std::min<std::int64_t>(r + tile_rows, rows);
    Range shared = range(r);
    for (std::int64_t i = r + 1; i < last; ++i) {
      const Range k = range(i);
      shared = {std::max(shared.begin, k.begin), std::min(shared.end, k.end)};
    }
    if (shared.begin >= shared.end) {
      for (std::int64_t i = r; i < last; ++i) run(i, 1, range(i));
      continue;
    }
    for (std::int64_t i = r; i < last; ++i) run(i, 1, {range(i).begin, shared.begin});
    run(r, last - r, shared);
    for (std::int64_t i = r; i < last; ++i) run(i, 1, {shared.end, range(i).end});
  }
}

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
