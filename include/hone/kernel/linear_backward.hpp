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

  // Rows [m, m + rows), columns [k, k + 16), steps [begin, end) of the chain.
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
                  .b_pack = 0,
                  .steps = end - begin};
    const int count = static_cast<int>(std::min<std::int64_t>(16, s.in - k));
    if (count == 16) return tile_of<1, 1>(rows, work);
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
    alignas(64) float block[block_depth * 16];
    for (std::int64_t begin = 0; begin < s.out; begin += block_depth) {
      const std::int64_t end = std::min(s.out, begin + block_depth);
      for (std::int64_t k = first * 16; k < last * 16; k += 16) {
        transpose(k, begin, end, block);
        each_tile(m1 - m0, [&](std::int64_t m, std::int64_t rows) {
          tile(rows, m0 + m, k, block, begin, end);
        });
      }
    }
  }
};

// dw += dy^T x is the same tile with inputs k as its rows and batch rows as its chain; both factors
// are first laid out in the order in which the tile reads them.
struct LinearWeightGradient {
  static constexpr std::int64_t block_rows = 256;                 // of the chain
  static constexpr std::int64_t block_inputs = 32 * tile_height;  // of a chunk
  static constexpr std::int64_t block_panels = 24;                // of a chunk

  LinearShape s;
  const float* dy;
  const float* x;
  float* dpanels;
  float* dbias;  // or null

  // xs[tile][m - begin][tile_height]
  void pack_inputs(std::int64_t begin, std::int64_t end, std::int64_t k0, std::int64_t k1,
                   float* xs) const {
    for (std::int64_t m = begin; m < end; ++m) {
      const float* from = x + m * s.ld_x;
      float* to = xs + (m - begin) * tile_height;
      for (std::int64_t k = k0; k < k1; k += tile_height, to += (end - begin) * tile_height) {
        if (k + tile_height <= k1)
          std::memcpy(to, from + k, sizeof(float) * tile_height);  // inlined, as copy_n is not
        else
          std::copy_n(from + k, k1 - k, to);
      }
    }
  }

  // ys[m - begin][16]
  void pack_outputs(std::int64_t begin, std::int64_t end, std::int64_t p, int count,
                    float* ys) const {
    const float* from = dy + begin * s.ld_y + p * 16;
    for (std::int64_t m = begin; m < end; ++m, from += s.ld_y, ys += 16)
      (count == 16 ? pack::load(from) : pack::load(from, count)).store(ys);
  }

  // Inputs [k, k + rows) of panel p, one block of the chain.
  void tile(std::int64_t rows, std::int64_t p, int count, std::int64_t k, const float* xs,
            const float* ys, std::int64_t steps) const {
    float* const to = dpanels + (p * s.in + k) * 16;
    tile_of<1, tile_height>(rows, {.start = to,
                                   .start_row = 16,
                                   .to = to,
                                   .to_row = 16,
                                   .a = xs,
                                   .a_row = 1,
                                   .b = ys,
                                   .b_pack = 0,
                                   .steps = steps});
    // Outputs that do not exist stay zero, even beside an infinite input.
    for (std::int64_t r = 0; r < rows && count < 16; ++r)
      std::fill(to + r * 16 + count, to + r * 16 + 16, 0.0f);
  }

  void bias(std::int64_t p, int count, const float* ys, std::int64_t rows) const {
    pack sum = pack::load(dbias + p * 16, count);
    for (std::int64_t m = 0; m < rows; ++m) sum += pack::load(ys + m * 16);
    sum.store(dbias + p * 16, count);
  }

  // Panels [first, last), inputs [k0, k1), all rows.
  void block(std::int64_t first, std::int64_t last, std::int64_t k0, std::int64_t k1) const {
    thread_local LineVector scratch;
    scratch.resize(static_cast<std::size_t>(block_rows * (block_inputs + 16)));
    float* const ys = scratch.data();
    float* const xs = ys + block_rows * 16;
    for (std::int64_t begin = 0; begin < s.rows; begin += block_rows) {
      const std::int64_t rows = std::min(block_rows, s.rows - begin);
      if (dpanels) pack_inputs(begin, begin + rows, k0, k1, xs);
      for (std::int64_t p = first; p < last; ++p) {
        const int count = static_cast<int>(std::min<std::int64_t>(16, s.out - p * 16));
        pack_outputs(begin, begin + rows, p, count, ys);
        if (dbias && k0 == 0) bias(p, count, ys, rows);
        if (!dpanels) continue;
        for (std::int64_t k = k0; k < k1; k += tile_height)
          tile(std::min<std::int64_t>(tile_height, k1 - k), p, count, k, xs + (k - k0) * rows, ys,
               rows);
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
  const detail::LinearWeightGradient g{detail::with_distances(shape), dy, x, dpanels, dbias};
  const LinearShape& s = g.s;
  if (s.rows <= 0 || (!dpanels && !dbias)) return;
  const std::int64_t panels = panel_count(s.out);
  const std::int64_t inputs = dpanels ? s.in : 1;
  const std::int64_t parts =
      std::max<std::int64_t>(1, (inputs + g.block_inputs - 1) / g.block_inputs);
  // Every group packs its part of x again: as many panels as leave each thread six chunks.
  const std::int64_t most =
      std::clamp<std::int64_t>(panels * parts / (6 * std::int64_t{threads()}), 1, g.block_panels);
  const std::int64_t groups = (panels + most - 1) / most;
  const std::int64_t group = (panels + groups - 1) / groups;
  parallel_for(groups * parts, [&](std::int64_t c) {
    const std::int64_t first = c / parts * group, k = c % parts * g.block_inputs;
    g.block(first, std::min(panels, first + group), k, std::min(inputs, k + g.block_inputs));
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
