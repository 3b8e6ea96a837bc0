// y = x W^T + b: every element of y is one chain of fused multiply-adds.
//
// y[m, n] = bias[n] + sum over k ascending of x[m, k] w[n, k], from the bias (or 0) on, each step
// rounded once. So a row's result depends on that row alone: not on the batch it came in, on the
// tile, the cache block, the thread count or the instruction set.
//
// Many rows run at the speed of the FMA units, the weights' panels passing through the caches; few
// rows run at the speed at which memory delivers the panels, each read once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/linear_backward.hpp"
#include "hone/kernel/linear_shape.hpp"
#include "hone/kernel/tile.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

struct LinearForward {
  LinearShape s;
  const float* x;
  const float* panels;
  const float* bias;  // or null
  float* y;

  // Rows [m, m + rows) of N panels from p on, steps [begin, end) of the chain. Of several panels
  // each must have all its 16 outputs.
  template <int N, int Most = tile_height, bool Fetch = false>
  void tile(std::int64_t rows, std::int64_t m, std::int64_t p, std::int64_t begin, std::int64_t end,
            const float* fetch = nullptr, std::int64_t fetch_step = 0) const {
    float* const to = y + m * s.ld_y + p * 16;
    const bool starts = begin == 0;
    TileWork work{.start = !starts ? to
                           : bias  ? bias + p * 16
                                   : zeros,
                  .start_row = starts ? 0 : s.ld_y,
                  .to = to,
                  .to_row = s.ld_y,
                  .a = x + m * s.ld_x + begin,
                  .a_row = s.ld_x,
                  .b = at(p, begin),
                  .b_pack = s.in * 16,
                  .steps = end - begin,
                  .fetch = fetch,
                  .fetch_step = fetch_step};
    const int count = static_cast<int>(std::min<std::int64_t>(16, s.out - p * 16));
    if (N > 1 || count == 16) return tile_of<N, 1, Fetch, Most>(rows, work);
    // The last outputs go by way of rows that are long enough.
    alignas(64) float wide[tile_height * 16] = {};
    if (!starts || bias) widen(work.start, work.start_row, rows, count, wide);
    work.start = work.to = wide;
    work.start_row = work.to_row = 16;
    tile_of<N, 1, Fetch, Most>(rows, work);
    narrow(wide, rows, count, to, s.ld_y);
  }

  // At most `Most` rows, panels [first, last): N at a time, enough chains to fill the latency of
  // the FMA units. Each step fetches what is `ahead` steps further on; the last ones, the beginning
  // of the next panels.
  template <int N, int Most>
  void few(std::int64_t first, std::int64_t last) const {
    constexpr std::int64_t ahead = lines_ahead / N;
    const std::int64_t whole = std::min(last, s.out / 16),
                       turn = std::max<std::int64_t>(0, s.in - ahead);
    const auto run = [&]<int P>(std::int64_t p) {
      if (turn > 0) tile<P, Most, true>(s.rows, 0, p, 0, turn, at(p, s.in - turn), 16);
      tile<P, Most, true>(s.rows, 0, p, turn, s.in, at(p + P, 0), 16);
    };
    std::int64_t p = first;
    for (; p + N <= whole; p += N) run.template operator()<N>(p);
    for (; p < last; ++p) run.template operator()<1>(p);
  }

  // The same for more rows than memory alone decides on: twice N panels, a short way into one half
  // and then into the other, so that twice as many streams are under way.
  template <int N, int Most>
  void several(std::int64_t first, std::int64_t last) const {
    constexpr std::int64_t depth = 32, ahead = lines_ahead / N;
    const std::int64_t whole = std::min(last, s.out / 16);
    std::int64_t p = first;
    for (; p + 2 * N <= whole; p += 2 * N)
      for (std::int64_t begin = 0; begin < s.in; begin += depth)
        for (std::int64_t q : {p, p + N}) {
          const std::int64_t next = begin + ahead;
          const float* fetch = next < s.in ? at(q, next) : at(q + 2 * N, next - s.in);
          tile<N, Most, true>(s.rows, 0, q, begin, std::min(s.in, begin + depth), fetch, 16);
        }
    if (p < last) few<N, Most>(p, last);
  }

  // Rows [m0, m1), a block that stays in the second-level cache, of panels [first, last). Each
  // panel comes from memory once; while the tiles work on one part of it they share the fetching of
  // the next part, so that the memory never rests.
  void many(std::int64_t m0, std::int64_t m1, std::int64_t first, std::int64_t last) const {
    const std::int64_t tiles = (m1 - m0 + tile_height - 1) / tile_height;
    const std::int64_t share = (16 + tiles - 1) / tiles;  // of each step's cache line
    each_packs(first, std::min(last, s.out / 16), last, [&]<int N>(std::int64_t p) {
      each_part(s.in, block_depth / N, [&](std::int64_t begin, std::int64_t end) {
        const float* fetch = end < s.in ? at(p, end) : at(p + N, 0);
        each_tile(m1 - m0, [&](std::int64_t m, std::int64_t rows) {
          tile<N, tile_height, true>(rows, m0 + m, p, begin, end, fetch, share);
          fetch += (end - begin) * share;
        });
      });
    });
  }

  const float* at(std::int64_t p, std::int64_t k) const { return panels + (p * s.in + k) * 16; }

  static constexpr std::int64_t lines_ahead = 128;
  static constexpr std::int64_t block_depth = 512;
  static constexpr std::int64_t block_rows = 120;
};

}  // namespace detail

// One of several layers that read the same rows: y [rows, out] = x W^T + bias, W in panels; bias
// may be null.
struct LinearOutput {
  std::int64_t out = 0;
  const float* panels = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;
  std::int64_t ld_y = 0;  // distance between rows of y; 0: out
};

// All layers' outputs from x [rows, in], one list of chunks, so that threads meet once and not once
// for each layer: between short products that is time in which memory rests. `ld_x` is the distance
// between rows of x, 0: in.
template <std::size_t N>
void linear(std::int64_t rows, std::int64_t in, const float* x, std::int64_t ld_x,
            const std::array<LinearOutput, N>& outputs) {
  if (rows <= 0) return;
  const std::int64_t blocks =
      (rows + detail::LinearForward::block_rows - 1) / detail::LinearForward::block_rows;
  // About 128 KiB of panels at a time: long streams, and small enough to share. Where a block of
  // rows is one of several, it is read again for each group: twice that.
  const std::int64_t unit = std::max<std::int64_t>(1, 512 / std::max<std::int64_t>(1, in));
  const std::int64_t group = (blocks > 1 ? 8 : 4) * unit;
  const auto chunks = [=](const LinearOutput& o) {
    return (panel_count(o.out) + group - 1) / group * blocks;
  };
  std::int64_t all_chunks = 0;
  for (const LinearOutput& o : outputs) all_chunks += chunks(o);
  parallel_for_neighbours(all_chunks, [&](std::int64_t c) {
    std::size_t i = 0;
    for (; c >= chunks(outputs[i]); ++i) c -= chunks(outputs[i]);
    const LinearOutput& o = outputs[i];
    const detail::LinearForward f{
        detail::with_distances(
            {.rows = rows, .in = in, .out = o.out, .ld_x = ld_x, .ld_y = o.ld_y}),
        x, o.panels, o.bias, o.y};
    const std::int64_t first = c / blocks * group,
                       last = std::min(panel_count(o.out), first + group);
    const std::int64_t b = c % blocks;
    if (rows == 1)
      f.few<4, 1>(first, last);
    else if (rows == 2)
      f.few<3, 2>(first, last);
    else if (rows == 3)
      f.few<2, 3>(first, last);
    else if (rows <= detail::tile_height)
      f.several<detail::tile_packs, detail::tile_height>(first, last);
    else
      f.many(rows * b / blocks, rows * (b + 1) / blocks, first, last);
  });
}

// One layer: y [rows, out] = x [rows, in] W^T + bias [out].
inline void linear(const LinearShape& s, const float* x, const float* panels, const float* bias,
                   float* y) {
  linear(s.rows, s.in, x, s.ld_x, std::array{LinearOutput{s.out, panels, bias, y, s.ld_y}});
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
