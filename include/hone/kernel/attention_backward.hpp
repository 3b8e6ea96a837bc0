// Gradients of attention over a packed forest.
//
// With h = dO / z, D = <h, o>, e[j] = exp(s[j] - m) and u[j] = s[j] / softcap, per query row:
//   ds[j] = e[j] (<h, v[j]> - D) (1 - u[j]^2) scale      without a soft cap the bracket is absent
//   dq += ds[j] k[j]      one chain over positions ascending
//   dv[j] += e[j] h       one chain over the queries that see j, in token order, heads ascending
//   dk[j] += ds[j] q      likewise
// e is computed again from the scores; nothing of size [T, T] is stored.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/math.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/attention_block.hpp"
#include "hone/kernel/attention_forest.hpp"
#include "hone/kernel/attention_scratch.hpp"
#include "hone/kernel/attention_shape.hpp"
#include "hone/kernel/attention_tile.hpp"
#include "hone/kernel/elementwise.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

// Gradients, accumulated from the stored values.
struct AttentionGradients {
  float* dq = nullptr;     // [T, ld_q]
  float* dk = nullptr;     // [T, ld_kv]
  float* dv = nullptr;     // [T, ld_kv]
  std::int64_t ld_q = 0;   // 0: heads * head_dim
  std::int64_t ld_kv = 0;  // 0: kv_heads * head_dim
};

namespace detail {

// What a chunk computes of one tree and kv head: everything, or, where threads outnumber trees and
// heads, every count-th block of queries or every count-th tile of keys. Each output is one chain
// in one chunk all the same; only the scores are computed twice.
struct BackwardPart {
  std::int64_t index = 0;
  std::int64_t count = 1;
  bool queries = true;  // dq
  bool keys = true;     // dk and dv
  bool owns(std::int64_t i) const { return i % count == index; }
};

// The gradients of one tree and kv head.
struct TreeBackward {
  const AttentionShape& shape;
  const Tree& tree;
  std::int64_t kv_head;
  BackwardPart part;
  const AttentionInputs& in;
  const AttentionOutputs& out;
  const float* d_o;
  const AttentionGradients& grad;

  static constexpr std::int64_t tile_keys = 96;  // a multiple of 16
  static constexpr std::int64_t tile_ld = row_distance(tile_keys);

  // Consecutive queries of one segment: row r is head r % group of token r / group.
  struct Queries {
    std::int64_t token = 0;  // index of the first in the forest
    std::int64_t position = 0;
    std::int64_t rows = 0;
  };

  // Consecutive keys of one segment.
  struct Keys {
    std::int64_t row = 0;    // index of the first in the tree
    std::int64_t panel = 0;  // its row among the panels, a multiple of 16
    std::int64_t position = 0;
    std::int64_t length = 0;
  };

  std::int64_t dim = shape.head_dim;
  std::int64_t group = shape.group();
  std::int64_t ld = round_up(shape.head_dim, 16);  // of all rows below
  // Of the tree: keys and values in panels, keys in rows, gradients in rows.
  float *key_panels = nullptr, *value_panels = nullptr;
  float *keys = nullptr, *dk = nullptr, *dv = nullptr;
  // Of a block of queries; `mean` is D.
  float *q = nullptr, *h = nullptr, *dq = nullptr, *max = nullptr, *mean = nullptr;
  // Of a block of queries and a tile of keys: first scores, then e; first <h, v>, then ds.
  float *e = nullptr, *ds = nullptr;

  void lay_out_scratch(std::int64_t panel_rows) {
    const std::int64_t rows = std::max(block_rows, group);
    lay_out([&](Carver& carve) {
      for (float** panels : {&key_panels, &value_panels}) *panels = carve(panel_rows * dim);
      for (float** of_tree : {&keys, &dk, &dv}) *of_tree = carve(tree.tokens() * ld);
      for (float** of_block : {&q, &h, &dq}) *of_block = carve(rows * ld);
      for (float** of_row : {&max, &mean}) *of_row = carve(rows);
      for (float** of_tile : {&e, &ds}) *of_tile = carve(rows * tile_ld);
    });
  }

  std::int64_t head(std::int64_t row) const { return kv_head * group + row % group; }
  float* dq_of(const Queries& block, std::int64_t row) const {
    return grad.dq + (block.token + row / group) * grad.ld_q + head(row) * dim;
  }

  void load(const Queries& block) const {
    for (std::int64_t r = 0; r < block.rows; ++r) {
      const std::int64_t token = block.token + r / group;
      pack_rows(1, dim, in.q + token * in.ld_q + head(r) * dim, 0, ld, q + r * ld);
      if (part.queries) pack_rows(1, dim, dq_of(block, r), 0, ld, dq + r * ld);
      const std::int64_t at = token * out.ld_o + head(r) * dim;
      const pack z(out.row_sum[token * shape.heads + head(r)]);
      pack total(0.0f);
      for (std::int64_t d = 0; d < dim; d += 16) {
        const int n = static_cast<int>(std::min<std::int64_t>(16, dim - d));
        const pack scaled = load_pack(d_o + at + d, n) / z;
        scaled.store(h + r * ld + d);
        total = fma(scaled, load_pack(out.o + at + d, n), total);
      }
      mean[r] = sum(total);
      max[r] = out.row_max[token * shape.heads + head(r)];
    }
  }

  // The keys of a tile that a row sees.
  Range keys_of(const Queries& block, const Keys& tile, std::int64_t row) const {
    const std::int64_t position = block.position + row / group;
    return {std::max<std::int64_t>(0, first_visible(shape, position) - tile.position),
            std::min(tile.length, position + 1 - tile.position)};
  }

  // The rows that see key j of a tile.
  Range rows_of(const Queries& block, const Keys& tile, std::int64_t j) const {
    const std::int64_t from = tile.position + j - block.position;
    return {std::max<std::int64_t>(0, from) * group,
            shape.window > 0 ? std::min(block.rows, (from + shape.window) * group) : block.rows};
  }

  // Scores and <h, v>.
  void products(const Queries& block, const Keys& tile) const {
    for (std::int64_t r = 0; r < block.rows; r += tile_rows) {
      const std::int64_t count = std::min<std::int64_t>(tile_rows, block.rows - r);
      const std::int64_t first = keys_of(block, tile, r).begin / 16;
      const std::int64_t last = (keys_of(block, tile, r + count - 1).end + 15) / 16;
      if (first >= last) continue;
      const auto multiply = [&](const float* rows, const float* panels, float* to) {
        attention_tile_of<Side::rows, true>(
            static_cast<int>(count), dim, last - first, {rows + r * ld, ld},
            {panels + (tile.panel + 16 * first) * dim, 16, 16 * dim},
            {to + r * tile_ld + 16 * first, tile_ld});
      };
      multiply(q, key_panels, e);
      multiply(h, value_panels, ds);
    }
  }

  // e and ds of what each row sees; other places of the tile are never read.
  void weights(const Queries& block, const Keys& tile) const {
    const pack scale(shape.scale), cap(shape.softcap);
    for (std::int64_t r = 0; r < block.rows; ++r) {
      const Range range = keys_of(block, tile, r);
      const pack top(max[r]), shift(mean[r]);
      for (std::int64_t i = range.begin / 16 * 16; i < range.end; i += 16) {
        float* at_e = e + r * tile_ld + i;
        float* at_ds = ds + r * tile_ld + i;
        pack score = pack::load(at_e) * scale;
        pack slope = scale;
        if (shape.softcap > 0.0f) {
          const pack u = tanh(score / cap);
          score = cap * u;
          slope = fma(-u, u, pack(1.0f)) * scale;
        }
        const pack weight = exp(score - top);
        weight.store(at_e);
        (weight * (pack::load(at_ds) - shift) * slope).store(at_ds);
      }
    }
  }

  // One block of queries against one tile of keys that it sees in part or in full.
  void meet(const Queries& block, const Keys& tile) const {
    products(block, tile);
    weights(block, tile);
    const std::int64_t panels = ld / 16;
    if (part.keys) {
      const auto rows = [&](std::int64_t j) { return rows_of(block, tile, j); };
      chains<Side::columns>(tile.length, rows, panels, {e, tile_ld}, {h, ld, 16},
                            {dv + tile.row * ld, ld});
      chains<Side::columns>(tile.length, rows, panels, {ds, tile_ld}, {q, ld, 16},
                            {dk + tile.row * ld, ld});
    }
    if (part.queries) {
      const auto seen = [&](std::int64_t r) { return keys_of(block, tile, r); };
      chains<Side::rows>(block.rows, seen, panels, {ds, tile_ld}, {keys + tile.row * ld, ld, 16},
                         {dq, ld});
    }
  }

  // f(tile) for the tiles of segment s that are this chunk's as far as keys are concerned.
  template <class F>
  void each_keys(std::int64_t s, std::int64_t panel_row, const F& f) const {
    for (std::int64_t at = 0; at < tree[s].length; at += tile_keys) {
      if (!part.queries && !part.owns(s + at / tile_keys)) continue;
      f(Keys{.row = tree[s].begin - tree.begin() + at,
             .panel = panel_row + at,
             .position = tree[s].position + at,
             .length = std::min(tile_keys, tree[s].length - at)});
    }
  }

  void run() {
    std::vector<std::int64_t>& panel_row = thread_vector<std::int64_t, struct PanelRows>();
    panel_rows(tree, panel_row);
    lay_out_scratch(panel_row.back());
    const auto each_tile = [&](std::int64_t s, const auto& f) {
      each_keys(s, panel_row[static_cast<std::size_t>(s)], f);
    };
    const std::int64_t from = tree.begin() * in.ld_kv + kv_head * dim;
    const std::int64_t to = tree.begin() * grad.ld_kv + kv_head * dim;
    for (std::int64_t s = 0; s < tree.size(); ++s)
      each_tile(s, [&](const Keys& tile) {
        const std::int64_t row = from + tile.row * in.ld_kv;
        pack_panels(tile.length, dim, in.k + row, in.ld_kv, key_panels + tile.panel * dim);
        pack_panels(tile.length, dim, in.v + row, in.ld_kv, value_panels + tile.panel * dim);
        if (part.queries)
          pack_rows(tile.length, dim, in.k + row, in.ld_kv, ld, keys + tile.row * ld);
        if (!part.keys) return;
        const std::int64_t sum = to + tile.row * grad.ld_kv;
        pack_rows(tile.length, dim, grad.dk + sum, grad.ld_kv, ld, dk + tile.row * ld);
        pack_rows(tile.length, dim, grad.dv + sum, grad.ld_kv, ld, dv + tile.row * ld);
      });

    std::vector<std::int64_t>& path = thread_vector<std::int64_t, struct Path>();
    const std::int64_t step = std::max<std::int64_t>(1, block_rows / group);
    for (std::int64_t s = 0; s < tree.size(); ++s) {
      path_to(tree, s, path);
      for (std::int64_t t = 0; t < tree[s].length; t += step) {
        if (!part.keys && !part.owns(s + t / step)) continue;
        const std::int64_t tokens = std::min(step, tree[s].length - t);
        const Queries block = {tree[s].begin + t, tree[s].position + t, tokens * group};
        load(block);
        for (const std::int64_t a : path)
          each_tile(a, [&](Keys tile) {
            tile.length = std::min(tile.length, block.position + tokens - tile.position);
            if (tile.length > 0 &&
                tile.position + tile.length > first_visible(shape, block.position))
              meet(block, tile);
          });
        if (!part.queries) continue;
        for (std::int64_t r = 0; r < block.rows; ++r)
          std::copy_n(dq + r * ld, dim, dq_of(block, r));
      }
    }
    if (!part.keys) return;
    for (std::int64_t s = 0; s < tree.size(); ++s)
      each_tile(s, [&](const Keys& tile) {
        for (std::int64_t row = tile.row; row < tile.row + tile.length; ++row) {
          std::copy_n(dk + row * ld, dim, grad.dk + to + row * grad.ld_kv);
          std::copy_n(dv + row * ld, dim, grad.dv + to + row * grad.ld_kv);
        }
      });
  }
};

// Parts of each tree and kv head, by the multiply-adds that the slowest thread would do: five
// products in one part, or three for the queries and four for the keys in many.
inline std::int64_t backward_parts(std::int64_t items) {
  const std::int64_t rounds = (items + threads() - 1) / threads();
  if (items == 0 || 8 * items >= 5 * threads() * rounds) return 1;
  return std::max<std::int64_t>(1, 2 * threads() / items);
}

}  // namespace detail

// Adds the gradients of q, k and v, given dO [T, ld_o] and what the forward pass wrote, statistics
// included.
inline void attend_forest_backward(const AttentionShape& shape, std::span<const Segment> segments,
                                   AttentionInputs in, AttentionOutputs out, const float* d_o,
                                   AttentionGradients grad) {
  check(shape);
  const std::int64_t wide = shape.heads * shape.head_dim;
  const std::int64_t narrow = shape.kv_heads * shape.head_dim;
  if (in.ld_q == 0) in.ld_q = wide;
  if (in.ld_kv == 0) in.ld_kv = narrow;
  if (out.ld_o == 0) out.ld_o = wide;
  if (grad.ld_q == 0) grad.ld_q = wide;
  if (grad.ld_kv == 0) grad.ld_kv = narrow;
  std::vector<detail::Tree>& trees = detail::thread_vector<detail::Tree, struct Backward>();
  detail::find_trees(segments, trees);
  const std::int64_t items = static_cast<std::int64_t>(trees.size()) * shape.kv_heads;
  const std::int64_t parts = detail::backward_parts(items);
  const std::int64_t each = parts == 1 ? 1 : 2 * parts;
  parallel_for(items * each, [&](std::int64_t chunk) {
    const std::int64_t item = chunk / each, i = chunk % each;
    detail::BackwardPart part = {.index = i % parts, .count = parts};
    if (each > 1) (i < parts ? part.keys : part.queries) = false;
    const detail::Tree& tree = trees[static_cast<std::size_t>(item / shape.kv_heads)];
    detail::TreeBackward{shape, tree, item % shape.kv_heads, part, in, out, d_o, grad}.run();
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
