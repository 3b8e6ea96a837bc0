// The gradients of the linear layer, in the same order of sums as their definition.
//
//   dx[m, k]  = sum over n ascending of dy[m, n] w[n, k]
//   dw[n, k] += sum over m ascending of dy[m, n] x[m, k]     from the stored value on
//   dbias[n] += sum over m ascending of dy[m, n]             from the stored value on
//
// A weight gradient continues its chains from call to call, so a batch may be cut into
// micro-batches anywhere without changing a bit. Threads split outputs, never a sum.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/attention_scratch.hpp"
#include "hone/kernel/linear_shape.hpp"
#include "hone/kernel/tile.hpp"
#include "hone/kernel/transpose.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

// dx = dy W reads the panels across their grain: blocks of a panel are transposed on the way, each
// once for a block of rows.
struct LinearInputGradient {
  static constexpr std::int64_t block_rows = 240;
  static constexpr std::int64_t block_depth = 256;

  LinearShape s;
  const float* dy;
  const float* panels;
  float* dx;
  bool accumulate;

  // Rows [m, m + rows), N packs of columns from k on, steps [begin, end) of the chain.
  template <int N>
  void tile(std::int64_t rows, std::int64_t m, std::int64_t k, const float* block,
            std::int64_t begin, std::int64_t end) const {
    float* const to = dx + m * s.ld_x + k;
    const bool continues = begin > 0 || accumulate;
    TileWork work{.start = continues ? to : zeros,
                  .start_row = continues ? s.ld_x : 0,
                  .to = to,
                  .to_row = s.ld_x,
                  .a = dy + m * s.ld_y + begin,
                  .a_row = s.ld_y,
                  .b = block,
                  .b_pack = block_depth * 16,
                  .steps = end - begin};
    const int count = static_cast<int>(std::min<std::int64_t>(16, s.in - k));
    if (N > 1 || count == 16) return tile_of<N, 1>(rows, work);
    alignas(64) float wide[tile_height * 16] = {};
    if (continues) widen(to, s.ld_x, rows, count, wide);
    work.start = work.to = wide;
    work.start_row = work.to_row = 16;
    tile_of<1, 1>(rows, work);
    narrow(wide, rows, count, to, s.ld_x);
  }

  // block[n - begin][16] = w[n][k .. k + 16], n in [begin, end)
  void transpose(std::int64_t k, std::int64_t begin, std::int64_t end, float* block) const {
    const std::int64_t width = std::min<std::int64_t>(16, s.in - k);
    for (std::int64_t n = begin; n < end; n += 16, block += 256) {
      const float* from = panels + (n / 16 * s.in + k) * 16;
      if (width == 16) {
        transpose16(from, block);
      } else {
        float last[256] = {};
        std::copy_n(from, width * 16, last);
        transpose16(last, block);
      }
    }
  }

  // Rows [m0, m1), columns [16 first, 16 last).
  void block(std::int64_t m0, std::int64_t m1, std::int64_t first, std::int64_t last) const {
    alignas(64) float block[tile_packs * block_depth * 16];
    for (std::int64_t begin = 0; begin < s.out; begin += block_depth) {
      const std::int64_t end = std::min(s.out, begin + block_depth);
      each_packs(first, std::min(last, s.in / 16), last, [&]<int N>(std::int64_t c) {
        for (int i = 0; i < N; ++i)
          transpose((c + i) * 16, begin, end, block + i * block_depth * 16);
        each_tile(m1 - m0, [&](std::int64_t m, std::int64_t rows) {
          tile<N>(rows, m0 + m, c * 16, block, begin, end);
        });
      });
    }
  }
};

// dw += dy^T x is the same tile with inputs k as its rows and batch rows as its chain. Both factors
// are first laid out, a block of rows at a time, in the order in which the tiles read them.
struct LinearWeightGradient {
  static constexpr std::int64_t block_rows = 256;                 // of the chain
  static constexpr std::int64_t block_inputs = 32 * tile_height;  // of a chunk
  static constexpr std::int64_t block_panels = 24;                // of a chunk
  static constexpr std::int64_t strip_panels = 128;               // laid out at a time
  static constexpr std::int64_t together = 16;                    // rows, laid out by one thread

  LinearShape s;
  const float* dy;
  const float* x;
  float* dpanels;  // or null
  float* dbias;    // or null

  // The block: rows [begin, begin + rows), panels [first, last).
  std::int64_t begin = 0, rows = 0, first = 0, last = 0;
  float* xs = nullptr;  // [tile of inputs][row][tile_height]
  float* ys = nullptr;  // [panel][row][16]

  std::int64_t inputs() const { return dpanels ? s.in : 0; }
  int width(std::int64_t p) const {
    return static_cast<int>(std::min<std::int64_t>(16, s.out - p * 16));
  }

  // Rows [m0, m1) of the block into xs and ys.
  void lay_out(std::int64_t m0, std::int64_t m1) const {
    for (std::int64_t k = 0; k < inputs(); k += tile_height) {
      const float* from = x + (begin + m0) * s.ld_x + k;
      float* to = xs + k * rows + m0 * tile_height;
      for (std::int64_t m = m0; m < m1; ++m, from += s.ld_x, to += tile_height)
        if (k + tile_height <= s.in)
          std::memcpy(to, from, sizeof(float) * tile_height);  // inlined, as copy_n is not
        else
          std::copy_n(from, s.in - k, to);
    }
    for (std::int64_t p = first; p < last; ++p) {
      const float* from = dy + (begin + m0) * s.ld_y + p * 16;
      float* to = ys + ((p - first) * rows + m0) * 16;
      for (std::int64_t m = m0; m < m1; ++m, from += s.ld_y, to += 16)
        (width(p) == 16 ? pack::load(from) : pack::load(from, width(p))).store(to);
    }
  }

  // Inputs [k, k + count) of N panels from p on.
  template <int N>
  void tile(std::int64_t count, std::int64_t p, std::int64_t k) const {
    float* const to = dpanels + (p * s.in + k) * 16;
    tile_of<N, tile_height>(count, {.start = to,
                                    .start_row = 16,
                                    .start_pack = s.in * 16,
                                    .to = to,
                                    .to_row = 16,
                                    .to_pack = s.in * 16,
                                    .a = xs + k * rows,
                                    .a_row = 1,
                                    .b = ys + (p - first) * rows * 16,
                                    .b_pack = rows * 16,
                                    .steps = rows});
    // Outputs that do not exist stay zero, even beside an infinite input.
    const int exist = width(p + N - 1);
    float* const end = to + (N - 1) * s.in * 16;
    for (std::int64_t r = 0; r < count && exist < 16; ++r)
      std::fill(end + r * 16 + exist, end + r * 16 + 16, 0.0f);
  }

  void bias(std::int64_t p) const {
    const float* from = ys + (p - first) * rows * 16;
    pack sum = pack::load(dbias + p * 16, width(p));
    for (std::int64_t m = 0; m < rows; ++m) sum += pack::load(from + m * 16);
    sum.store(dbias + p * 16, width(p));
  }

  // Panels [p0, p1), inputs [k0, k1).
  void add(std::int64_t p0, std::int64_t p1, std::int64_t k0, std::int64_t k1) const {
    if (dbias && k0 == 0)
      for (std::int64_t p = p0; p < p1; ++p) bias(p);
    each_packs(p0, p1, p1, [&]<int N>(std::int64_t p) {
      for (std::int64_t k = k0; k < k1; k += tile_height)
        tile<N>(std::min<std::int64_t>(tile_height, k1 - k), p, k);
    });
  }

  void block() const {
    parallel_for_neighbours((rows + together - 1) / together, [&](std::int64_t c) {
      lay_out(c * together, std::min(rows, (c + 1) * together));
    });
    const std::int64_t parts =
        std::max<std::int64_t>(1, (inputs() + block_inputs - 1) / block_inputs);
    const std::int64_t panels = last - first;
    // Six chunks for each thread, if there are as many.
    const std::int64_t most =
        std::clamp<std::int64_t>(panels * parts / (6 * std::int64_t{threads()}), 1, block_panels);
    const std::int64_t group = (most + tile_packs - 1) / tile_packs * tile_packs;
    parallel_for_neighbours((panels + group - 1) / group * parts, [&](std::int64_t c) {
      const std::int64_t p = first + c / parts * group, k = c % parts * block_inputs;
      add(p, std::min(last, p + group), k, std::min(inputs(), k + block_inputs));
    });
  }

  void run() {
    thread_local LineVector scratch;
    const std::int64_t panels = panel_count(s.out);
    const std::int64_t most = std::min(block_rows, s.rows);
    const std::int64_t room = (inputs() + tile_height - 1) / tile_height * tile_height * most;
    scratch.resize(static_cast<std::size_t>(room + std::min(panels, strip_panels) * most * 16));
    xs = scratch.data();
    ys = xs + room;
    for (first = 0; first < panels; first = last) {
      last = std::min(panels, first + strip_panels);
      for (begin = 0; begin < s.rows; begin += rows) {
        rows = std::min(block_rows, s.rows - begin);
        block();
      }
    }
  }
};

}  // namespace detail

// dx [rows, in] = dy [rows, out] W, or += with `accumulate`: then the chain starts from the stored
// value.
inline void linear_input_gradient(const LinearShape& shape, const float* dy, const float* panels,
                                  float* dx, bool accumulate = false) {
  const detail::LinearInputGradient g{detail::with_distances(shape), dy, panels, dx, accumulate};
  const LinearShape& s = g.s;
  if (s.rows <= 0 || s.in <= 0) return;
  if (s.out <= 0) {
    if (!accumulate)
      for (std::int64_t m = 0; m < s.rows; ++m) std::fill_n(dx + m * s.ld_x, s.in, 0.0f);
    return;
  }
  const std::int64_t blocks = (s.rows + g.block_rows - 1) / g.block_rows;
  const std::int64_t columns = panel_count(s.in);
  const std::int64_t group =
      std::clamp<std::int64_t>(columns * blocks / (8 * std::int64_t{threads()}), 1, 8);
  const std::int64_t groups = (columns + group - 1) / group;
  parallel_for(blocks * groups, [&](std::int64_t c) {
    const std::int64_t b = c % blocks, first = c / blocks * group;
    g.block(s.rows * b / blocks, s.rows * (b + 1) / blocks, first,
            std::min(columns, first + group));
  });
}

// dw, in panels, and dbias [out] take the gradient of y = x W^T + bias on top of what they hold;
// either may be null.
inline void linear_weight_gradient(const LinearShape& shape, const float* dy, const float* x,
                                   float* dpanels, float* dbias) {
  if (shape.rows <= 0 || (!dpanels && !dbias)) return;
  detail::LinearWeightGradient{detail::with_distances(shape), dy, x, dpanels, dbias}.run();
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
