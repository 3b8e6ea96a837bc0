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

  // Rows [m, m + R) of N panels from p on, steps [begin, end) of the chain.
  template <int R, int N, int Ahead>
  [[gnu::flatten]] void tile(std::int64_t m, std::int64_t p, std::int64_t begin,
                             std::int64_t end) const {
    const int count = static_cast<int>(std::min<std::int64_t>(16, s.out - (p + N - 1) * 16));
    const auto lanes = [&](auto c) { return c == N - 1 ? count : 16; };
    float* to = y + m * s.ld_y + p * 16;
    pack acc[R][N];
    unrolled<N>([&](auto c) {
      if (begin == 0) {
        const pack start = bias ? load_lanes(bias + (p + c) * 16, lanes(c)) : pack(0.0f);
        unrolled<R>([&](auto r) { acc[r][c] = start; });
      } else {
        unrolled<R>([&](auto r) { acc[r][c] = load_lanes(to + r * s.ld_y + c * 16, lanes(c)); });
      }
    });
    chain<R, N, 1, Ahead>(acc, x + m * s.ld_x + begin, s.ld_x, panels + (p * s.in + begin) * 16,
                          s.in * 16, end - begin);
    unrolled<R>([&](auto r) {
      unrolled<N>([&](auto c) { store_lanes(acc[r][c], to + r * s.ld_y + c * 16, lanes(c)); });
    });
  }

  // A few rows, panels [first, last): as many panels at a time as make enough chains to fill the
  // FMA units' latency.
  template <int R>
  void few(std::int64_t first, std::int64_t last) const {
    constexpr int together = R == 1 ? 4 : R == 2 ? 3 : R == 3 ? 2 : 1;
    std::int64_t p = first;
    for (; p + together <= last; p += together) tile<R, together, 16>(0, p, 0, s.in);
    for (; p < last; ++p) tile<R, 1, 16>(0, p, 0, s.in);
  }

  // Rows [m0, m1) of panels [first, last), in blocks of the chain that keep a part of a panel in
  // the first-level cache and the rows' part in the second.
  void many(std::int64_t m0, std::int64_t m1, std::int64_t first, std::int64_t last) const {
    const auto block = [&](auto ahead, std::int64_t p, std::int64_t begin, std::int64_t end) {
      each_tile(m1 - m0, [&](std::int64_t m, std::int64_t rows) {
        with_rows(rows, [&](auto r) {
          if (ahead > 0 && m == 0)
            tile<r, 1, 16>(m0, p, begin, end);
          else
            tile<r, 1, 0>(m0 + m, p, begin, end);
        });
      });
    };
    if ((m1 - m0) * s.in <= 24 * 1024) {
      // The rows stay in the cache as they are: every panel is read in one go.
      for (std::int64_t p = first; p < last; ++p)
        each_part(s.in, block_depth, [&](std::int64_t begin, std::int64_t end) {
          block(std::integral_constant<int, 16>{}, p, begin, end);
        });
    } else {
      each_part(s.in, block_depth, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t p = first; p < last; ++p)
          block(std::integral_constant<int, 0>{}, p, begin, end);
      });
    }
  }

  static constexpr std::int64_t block_depth = 256;
  static constexpr std::int64_t block_rows = 120;
};

}  // namespace detail

// y [rows, out] = x [rows, in] W^T + bias [out], with W in panels; bias may be null.
inline void linear(const LinearShape& shape, const float* x, const float* panels, const float* bias,
                   float* y) {
  const detail::LinearForward f{detail::with_distances(shape), x, panels, bias, y};
  const LinearShape& s = f.s;
  if (s.rows <= 0) return;
  const std::int64_t all = panel_count(s.out);
  if (s.in <= 0 || s.rows <= detail::tile_height) {
    // About 64 KiB of panels at a time: long streams, and small enough to share.
    const std::int64_t group =
        std::max<std::int64_t>(4, 1024 / std::max<std::int64_t>(1, s.in) * 4);
    parallel_for((all + group - 1) / group, [&](std::int64_t c) {
      detail::each_tile(s.rows, [&](std::int64_t, std::int64_t rows) {
        detail::with_rows(
            rows, [&](auto r) { f.template few<r>(c * group, std::min(all, (c + 1) * group)); });
      });
    });
    return;
  }
  const std::int64_t blocks = (s.rows + f.block_rows - 1) / f.block_rows;
  const std::int64_t group = 8;
  const std::int64_t groups = (all + group - 1) / group;
  parallel_for(blocks * groups, [&](std::int64_t c) {
    const std::int64_t b = c % blocks, g = c / blocks;
    f.many(s.rows * b / blocks, s.rows * (b + 1) / blocks, g * group,
           std::min(all, (g + 1) * group));
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
