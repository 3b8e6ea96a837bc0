// Attention of the training pass: all tokens of a packed forest at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/attention_block.hpp"
#include "hone/kernel/attention_scratch.hpp"
#include "hone/kernel/attention_shape.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

// Queries, keys and values of all T tokens, after rotary positions. They may be parts of one
// buffer.
struct AttentionInputs {
  const float* q = nullptr;  // [T, ld_q], heads * head_dim used
  const float* k = nullptr;  // [T, ld_kv], kv_heads * head_dim used
  const float* v = nullptr;  // [T, ld_kv], kv_heads * head_dim used
  std::int64_t ld_q = 0;     // 0: heads * head_dim
  std::int64_t ld_kv = 0;    // 0: kv_heads * head_dim
};

// What the forward pass writes and the backward pass reads again.
struct AttentionOutputs {
  float* o = nullptr;        // [T, ld_o], heads * head_dim used
  float* row_max = nullptr;  // [T, heads] m of each softmax; nullptr with row_sum: not needed
  float* row_sum = nullptr;  // [T, heads] z of each softmax
  std::int64_t ld_o = 0;     // 0: heads * head_dim
};

namespace detail {

// One tree of a forest. Indices of segments count from the tree's root.
struct Tree {
  std::span<const Segment> segments;
  std::int32_t first = 0;  // index of the root in the forest

  const Segment& operator[](std::int64_t s) const { return segments[static_cast<std::size_t>(s)]; }
  std::int64_t size() const { return static_cast<std::int64_t>(segments.size()); }
  std::int64_t begin() const { return segments.front().begin; }
  std::int64_t tokens() const { return segments.back().end() - begin(); }
  std::int64_t parent(std::int64_t s) const {
    return (*this)[s].parent < 0 ? -1 : (*this)[s].parent - first;
  }
};

inline void find_trees(std::span<const Segment> segments, std::vector<Tree>& trees) {
  for (std::size_t i = 0, end; i < segments.size(); i = end) {
    for (end = i + 1; end < segments.size() && segments[end].parent >= 0;) ++end;
    trees.push_back({segments.subspan(i, end - i), static_cast<std::int32_t>(i)});
  }
}

// Row at which each segment begins in the tree's panels, and the rows in all: every segment starts
// a panel of its own, so that its children read it as it is.
inline void panel_rows(const Tree& tree, std::vector<std::int64_t>& rows) {
  rows.assign(1, 0);
  for (const Segment& s : tree.segments) rows.push_back(rows.back() + round_up(s.length, 16));
}

// The segments from the root to s that hold tokens.
inline void path_to(const Tree& tree, std::int64_t s, std::vector<std::int64_t>& path) {
  path.clear();
  for (; s >= 0; s = tree.parent(s))
    if (tree[s].length > 0) path.push_back(s);
  std::reverse(path.begin(), path.end());
}

// Chunks for one tree and kv head: more than one only if there are too few to go round.
inline std::int64_t parts_of(std::int64_t items) {
  return items == 0 || threads() == 1
             ? 1
             : std::clamp<std::int64_t>(4 * threads() / items, 1, 2 * threads());
}

// Every parts-th block of queries of one tree and kv head.
inline void forward_tree(const AttentionShape& shape, const Tree& tree, std::int64_t kv_head,
                         std::int64_t part, std::int64_t parts, const AttentionInputs& in,
                         const AttentionOutputs& out) {
  const std::int64_t dim = shape.head_dim, value_ld = round_up(dim, 16), group = shape.group();
  std::vector<std::int64_t>& panel_row = thread_vector<std::int64_t, struct PanelRows>();
  panel_rows(tree, panel_row);
  std::int64_t last = 0;
  for (const Segment& s : tree.segments)
    last = std::max<std::int64_t>(last, s.position + s.length - 1);

  QueryBlock block;
  float *keys, *values;
  lay_out([&](Carver& carve) {
    keys = carve(panel_row.back() * dim);
    values = carve(tree.tokens() * value_ld);
    block.lay_out(carve, shape, last);
  });
  for (std::int64_t s = 0; s < tree.size(); ++s) {
    const Segment& segment = tree[s];
    if (segment.length == 0) continue;  // there may be no k and v at all
    const std::int64_t kv = segment.begin * in.ld_kv + kv_head * dim;
    pack_panels(segment.length, dim, in.k + kv, in.ld_kv,
                keys + panel_row[static_cast<std::size_t>(s)] * dim);
    pack_rows(segment.length, dim, in.v + kv, in.ld_kv, value_ld,
              values + (segment.begin - tree.begin()) * value_ld);
  }

  std::vector<std::int64_t>& path = thread_vector<std::int64_t, struct Path>();
  std::vector<ContextSpan>& spans = thread_vector<ContextSpan, struct Spans>();
  std::int64_t index = 0;
  for (std::int64_t s = 0; s < tree.size(); ++s) {
    const Segment& segment = tree[s];
    path_to(tree, s, path);
    for (std::int64_t t = 0, count; t < segment.length; t += count) {
      count = block_tokens(shape, segment.position + t, segment.length - t);
      if (index++ % parts != part) continue;
      block.begin(score_base(shape, segment.position + t), segment.position + t + count - 1);
      block.add(shape, in.q + (segment.begin + t) * in.ld_q + kv_head * group * dim, in.ld_q,
                segment.position + t, count);
      spans.clear();
      for (std::int64_t a : path)
        spans.push_back({.keys = keys + panel_row[static_cast<std::size_t>(a)] * dim,
                         .values = values + (tree[a].begin - tree.begin()) * value_ld,
                         .begin = tree[a].position,
                         .length = tree[a].length,
                         .row_begin = 0,
                         .row_end = block.rows});
      // The next block's queries and this one's outputs arrive while this one is computed.
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t token = segment.begin + t + i;
        if (t + count + i < segment.length)
          fetch_row(in.q + (token + count) * in.ld_q + kv_head * group * dim, group * dim);
        fetch_row<1>(out.o + token * out.ld_o + kv_head * group * dim, group * dim);
      }
      attend_block(shape, spans, block);
      for (std::int64_t r = 0; r < block.rows; ++r) {
        const std::int64_t token = segment.begin + t + r / group;
        const std::int64_t head = kv_head * group + r % group;
        block.store(shape, r, out.o + token * out.ld_o + head * dim);
        if (out.row_max != nullptr) {
          out.row_max[token * shape.heads + head] = block.max[r];
          out.row_sum[token * shape.heads + head] = block.sum[r];
        }
      }
    }
  }
}

}  // namespace detail

// Writes o and, if asked for, the softmax statistics of every (token, head). The segments are those
// of a Forest; each tree's keys are laid out once and read by all its branches.
inline void attend_forest(const AttentionShape& shape, std::span<const Segment> segments,
                          AttentionInputs in, AttentionOutputs out) {
  check(shape);
  if (in.ld_q == 0) in.ld_q = shape.heads * shape.head_dim;
  if (in.ld_kv == 0) in.ld_kv = shape.kv_heads * shape.head_dim;
  if (out.ld_o == 0) out.ld_o = shape.heads * shape.head_dim;
  std::vector<detail::Tree>& trees = detail::thread_vector<detail::Tree, struct Forward>();
  detail::find_trees(segments, trees);
  const std::int64_t items = static_cast<std::int64_t>(trees.size()) * shape.kv_heads;
  const std::int64_t parts = detail::parts_of(items);
  parallel_for(items * parts, [&](std::int64_t chunk) {
    const std::int64_t item = chunk / parts;
    detail::forward_tree(shape, trees[static_cast<std::size_t>(item / shape.kv_heads)],
                         item % shape.kv_heads, chunk % parts, parts, in, out);
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
