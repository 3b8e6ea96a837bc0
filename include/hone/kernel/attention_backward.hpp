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
#include <tuple>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/math.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/attention_block.hpp"
#include "hone/kernel/attention_forest.hpp"
#include "hone/kernel/attention_scratch.hpp"
#include "hone/kernel/attention_shape.hpp"
#include "hone/kernel/attention_tile.hpp"

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

inline constexpr std::int64_t backward_positions = 96;  // keys of a tile, a multiple of 16

// Everything that the gradients of one tree and kv head are computed in.
struct BackwardScratch {
  static constexpr std::int64_t tile_ld = row_distance(backward_positions);
  std::int64_t ld = 0;  // head_dim rounded up to 16
  // Of the tree: keys and values in panels, keys in rows, gradients in rows.
  float *key_panels, *value_panels, *keys, *dk, *dv;
  // Of a block of query rows.
  float *q, *h, *dq, *max, *mean;
  // Of a block of query rows and a tile of keys: first scores, then e; first <h, v>, then ds.
  float *e, *ds;

  void lay_out(Carver& carve, const AttentionShape& shape, const Tree& tree,
               std::int64_t panel_rows) {
    const std::int64_t rows = std::max(block_rows, shape.group());
    ld = round_up(shape.head_dim, 16);
    key_panels = carve(panel_rows * shape.head_dim);
    value_panels = carve(panel_rows * shape.head_dim);
    keys = carve(tree.tokens() * ld);
    dk = carve(tree.tokens() * ld);
    dv = carve(tree.tokens() * ld);
    q = carve(rows * ld);
    h = carve(rows * ld);
    dq = carve(rows * ld);
    max = carve(rows);
    mean = carve(rows);
    e = carve(rows * tile_ld);
    ds = carve(rows * tile_ld);
  }
};

// Consecutive queries of one segment: row r is head r % group of token r / group.
struct BackwardBlock {
  std::int64_t token = 0;     // index of the first in the forest
  std::int64_t position = 0;  // its position
  std::int64_t tokens = 0;
};

// Keys of one segment.
struct KeyTile {
  std::int64_t row = 0;       // index of the first in the tree
  std::int64_t panel = 0;     // its row among the panels, a multiple of 16
  std::int64_t position = 0;  // its position
  std::int64_t length = 0;
};

inline void load_block(const AttentionShape& shape, const BackwardBlock& block,
                       std::int64_t kv_head, const AttentionInputs& in, const AttentionOutputs& out,
                       const float* d_o, const AttentionGradients& grad, BackwardScratch& s) {
  const std::int64_t dim = shape.head_dim, group = shape.group();
  for (std::int64_t r = 0; r < block.tokens * group; ++r) {
    const std::int64_t token = block.token + r / group;
    const std::int64_t head = kv_head * group + r % group;
    pack_rows(1, dim, in.q + token * in.ld_q + head * dim, 0, s.ld, s.q + r * s.ld);
    pack_rows(1, dim, grad.dq + token * grad.ld_q + head * dim, 0, s.ld, s.dq + r * s.ld);
    const float* from = d_o + token * out.ld_o + head * dim;
    const float* o = out.o + token * out.ld_o + head * dim;
    const pack z(out.row_sum[token * shape.heads + head]);
    pack total(0.0f);
    for (std::int64_t d = 0; d < dim; d += 16) {
      const int n = static_cast<int>(std::min<std::int64_t>(16, dim - d));
      const pack h = pack::load(from + d, n) / z;
      h.store(s.h + r * s.ld + d);
      total = fma(h, pack::load(o + d, n), total);
    }
    s.mean[r] = sum(total);
    s.max[r] = out.row_max[token * shape.heads + head];
  }
}

// One block of queries against one tile of keys that it sees in part or in full.
inline void backward_tile(const AttentionShape& shape, const BackwardBlock& block,
                          const KeyTile& tile, const BackwardScratch& s) {
  constexpr std::int64_t ld = BackwardScratch::tile_ld;
  const std::int64_t dim = shape.head_dim, group = shape.group();
  const std::int64_t rows = block.tokens * group;
  // The keys that a row sees, and the rows that see a key, both counted inside the tile.
  const auto keys_of = [&](std::int64_t r) {
    const std::int64_t position = block.position + r / group;
    return Range{std::max<std::int64_t>(0, first_visible(shape, position) - tile.position),
                 std::min(tile.length, position + 1 - tile.position)};
  };
  const auto rows_of = [&](std::int64_t j) {
    const std::int64_t from = tile.position + j - block.position;
    return Range{std::max<std::int64_t>(0, from) * group,
                 shape.window > 0 ? std::min(rows, (from + shape.window) * group) : rows};
  };

  for (std::int64_t r = 0; r < rows; r += tile_rows) {
    const std::int64_t count = std::min<std::int64_t>(tile_rows, rows - r);
    const std::int64_t first = keys_of(r).begin / 16;
    const std::int64_t last = (keys_of(r + count - 1).end + 15) / 16;
    if (first >= last) continue;
    const std::int64_t panel = (tile.panel + 16 * first) * dim;
    for (const auto& [a, b, c] :
         {std::tuple{s.q, s.key_panels, s.e}, std::tuple{s.h, s.value_panels, s.ds}})
      tile_rows_of<Side::rows, true>(static_cast<int>(count), dim, last - first,
                                     {a + r * s.ld, s.ld}, {b + panel, 16, 16 * dim},
                                     {c + r * ld + 16 * first, ld});
  }

  const pack scale(shape.scale), cap(shape.softcap);
  for (std::int64_t r = 0; r < rows; ++r) {
    const Range keys = keys_of(r);
    const pack top(s.max[r]), mean(s.mean[r]);
    for (std::int64_t i = keys.begin / 16 * 16; i < keys.end; i += 16) {
      float* at_e = s.e + r * ld + i;
      float* at_ds = s.ds + r * ld + i;
      pack score = pack::load(at_e) * scale;
      pack slope = scale;
      if (shape.softcap > 0.0f) {
        const pack u = tanh(score / cap);
        score = cap * u;
        slope = fma(-u, u, pack(1.0f)) * scale;
      }
      const pack e = exp(score - top);
      e.store(at_e);
      (e * (pack::load(at_ds) - mean) * slope).store(at_ds);
    }
  }

  const std::int64_t panels = s.ld / 16;
  const TileC dv = {s.dv + tile.row * s.ld, s.ld}, dk = {s.dk + tile.row * s.ld, s.ld};
  chains<Side::columns>(tile.length, rows_of, panels, {s.e, ld}, {s.h, s.ld, 16}, dv);
  chains<Side::columns>(tile.length, rows_of, panels, {s.ds, ld}, {s.q, s.ld, 16}, dk);
  chains<Side::rows>(rows, keys_of, panels, {s.ds, ld}, {s.keys + tile.row * s.ld, s.ld, 16},
                     {s.dq, s.ld});
}

inline void backward_tree(const AttentionShape& shape, const Tree& tree, std::int64_t kv_head,
                          const AttentionInputs& in, const AttentionOutputs& out, const float* d_o,
                          const AttentionGradients& grad) {
  const std::int64_t dim = shape.head_dim, group = shape.group();
  std::vector<std::int64_t>& panel_row = thread_vector<std::int64_t, struct PanelRows>();
  panel_rows(tree, panel_row);
  BackwardScratch s;
  lay_out([&](Carver& carve) { s.lay_out(carve, shape, tree, panel_row.back()); });

  const std::int64_t kv = tree.begin() * in.ld_kv + kv_head * dim;
  const std::int64_t dkv = tree.begin() * grad.ld_kv + kv_head * dim;
  for (std::int64_t i = 0; i < tree.size(); ++i) {
    const std::int64_t panel = panel_row[static_cast<std::size_t>(i)] * dim;
    const std::int64_t from = tree[i].begin * in.ld_kv + kv_head * dim;
    pack_panels(tree[i].length, dim, in.k + from, in.ld_kv, s.key_panels + panel);
    pack_panels(tree[i].length, dim, in.v + from, in.ld_kv, s.value_panels + panel);
  }
  pack_rows(tree.tokens(), dim, in.k + kv, in.ld_kv, s.ld, s.keys);
  pack_rows(tree.tokens(), dim, grad.dk + dkv, grad.ld_kv, s.ld, s.dk);
  pack_rows(tree.tokens(), dim, grad.dv + dkv, grad.ld_kv, s.ld, s.dv);

  std::vector<std::int64_t>& path = thread_vector<std::int64_t, struct Path>();
  const std::int64_t step = std::max<std::int64_t>(1, block_rows / group);
  for (std::int64_t i = 0; i < tree.size(); ++i) {
    path_to(tree, i, path);
    for (std::int64_t t = 0; t < tree[i].length; t += step) {
      const BackwardBlock block = {.token = tree[i].begin + t,
                                   .position = tree[i].position + t,
                                   .tokens = std::min(step, tree[i].length - t)};
      load_block(shape, block, kv_head, in, out, d_o, grad, s);
      const std::int64_t first = first_visible(shape, block.position);
      const std::int64_t end = block.position + block.tokens;
      for (std::int64_t a : path)
        for (std::int64_t at = 0; at < tree[a].length; at += backward_positions) {
          const std::int64_t position = tree[a].position + at;
          const std::int64_t length =
              std::min({backward_positions, tree[a].length - at, end - position});
          if (length <= 0 || position + length <= first) continue;
          backward_tile(shape, block,
                        {.row = tree[a].begin - tree.begin() + at,
                         .panel = panel_row[static_cast<std::size_t>(a)] + at,
                         .position = position,
                         .length = length},
                        s);
        }
      for (std::int64_t r = 0; r < block.tokens * group; ++r)
        std::copy_n(
            s.dq + r * s.ld, dim,
            grad.dq + (block.token + r / group) * grad.ld_q + (kv_head * group + r % group) * dim);
    }
  }
  for (std::int64_t t = 0; t < tree.tokens(); ++t) {
    std::copy_n(s.dk + t * s.ld, dim, grad.dk + dkv + t * grad.ld_kv);
    std::copy_n(s.dv + t * s.ld, dim, grad.dv + dkv + t * grad.ld_kv);
  }
}

}  // namespace detail

// Adds the gradients of q, k and v, given dO [T, ld_o] and what the forward pass wrote, statistics
// included. Threads split (tree, kv head).
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
  parallel_for(static_cast<std::int64_t>(trees.size()) * shape.kv_heads, [&](std::int64_t item) {
    detail::backward_tree(shape, trees[static_cast<std::size_t>(item / shape.kv_heads)],
                          item % shape.kv_heads, in, out, d_o, grad);
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
