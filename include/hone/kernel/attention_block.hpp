// The one inner loop of all attention: a block of query rows of one kv head over a list of spans.
//
// The scores of a row lie in memory by absolute position, so that a row looks the same however its
// context was cut, and the sum's 16 lanes are those of the position.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "hone/core/math.hpp"
#include "hone/core/pack.hpp"
#include "hone/kernel/attention_scratch.hpp"
#include "hone/kernel/attention_shape.hpp"
#include "hone/kernel/attention_tile.hpp"
#include "hone/kernel/elementwise.hpp"
#include "hone/kernel/transpose.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

// Consecutive positions seen by the rows [row_begin, row_end) of a block. The spans of a row are
// listed by ascending position and leave no gap.
struct ContextSpan {
  const float* keys = nullptr;    // [ceil(length / 16)][head_dim][16]
  const float* values = nullptr;  // [length][value_ld]
  std::int64_t begin = 0;         // absolute position of the first
  std::int64_t length = 0;
  std::int64_t row_begin = 0;
  std::int64_t row_end = 0;
};

// Parts of a block are small enough to stay in the second-level cache.
inline constexpr std::int64_t block_rows = 48;
inline constexpr std::int64_t block_scores = 48 * 1024;
inline constexpr std::int64_t block_positions = 256;

constexpr std::int64_t first_visible(const AttentionShape& shape, std::int64_t position) {
  return shape.window > 0 ? std::max<std::int64_t>(0, position - shape.window + 1) : 0;
}

// Rows of scores begin at a multiple of 16 positions and have a margin for whole panels at both
// ends.
constexpr std::int64_t score_base(const AttentionShape& shape, std::int64_t position) {
  return first_visible(shape, position) / 16 * 16;
}
constexpr std::int64_t score_distance(std::int64_t base, std::int64_t last) {
  return row_distance(round_up(last + 1 - base, 16) + 32);
}

// Tokens of a sequence that make a block, from `position` on; at most `rest`.
constexpr std::int64_t block_tokens(const AttentionShape& shape, std::int64_t position,
                                    std::int64_t rest) {
  const std::int64_t group = shape.group();
  const std::int64_t most = std::min(rest, std::max<std::int64_t>(1, block_rows / group));
  const std::int64_t least = std::min(most, (tile_rows + group - 1) / group);
  const std::int64_t row = score_distance(score_base(shape, position), position + most - 1);
  return std::clamp(block_scores / (row * group), least, most);
}

// Query rows of one kv head, (token, head of the group) ascending, with room for what is computed
// of them.
struct QueryBlock {
  std::int64_t rows = 0;
  std::int64_t value_ld = 0;  // head_dim rounded up to 16
  std::int64_t base = 0;      // position of scores[r][0], a multiple of 16
  std::int64_t score_ld = 0;
  std::vector<std::int64_t>* positions = nullptr;  // [rows]
  float* q = nullptr;                              // [rows][value_ld]
  float* scores = nullptr;                         // [rows][score_ld], a margin before the first
  float* o = nullptr;                              // [rows][value_ld], undivided
  float* max = nullptr;                            // [rows]
  float* sum = nullptr;                            // [rows]

  std::int64_t position(std::int64_t row) const {
    return (*positions)[static_cast<std::size_t>(row)];
  }

  // Room for any block of positions up to `last`.
  void lay_out(Carver& carve, const AttentionShape& shape, std::int64_t last) {
    const std::int64_t most = std::max(block_rows, shape.group());
    value_ld = round_up(shape.head_dim, 16);
    positions = &thread_vector<std::int64_t, QueryBlock>();
    q = carve(most * value_ld);
    float* const margin =
        carve(16 + std::max(block_scores, (tile_rows + shape.group()) * score_distance(0, last)));
    scores = margin ? margin + 16 : nullptr;  // null: room is only counted
    o = carve(most * value_ld);
    max = carve(most);
    sum = carve(most);
  }

  // An empty block for positions from `base` to `last`.
  void begin(std::int64_t first, std::int64_t last) {
    rows = 0;
    base = first;
    score_ld = score_distance(base, last);
    positions->clear();
  }

  // Appends the query heads of consecutive tokens; x points at the first head of the group.
  void add(const AttentionShape& shape, const float* x, std::int64_t ld, std::int64_t position,
           std::int64_t tokens) {
    for (std::int64_t t = 0; t < tokens; ++t)
      for (std::int64_t g = 0; g < shape.group(); ++g, ++rows) {
        std::copy_n(x + t * ld + g * shape.head_dim, shape.head_dim, q + rows * value_ld);
        positions->push_back(position + t);
      }
  }

  // out[0 .. head_dim) = o / z of one row.
  void store(const AttentionShape& shape, std::int64_t row, float* out) const {
    const pack z(sum[row]);
    for (std::int64_t d = 0; d < shape.head_dim; d += 16)
      store_pack(pack::load(o + row * value_ld + d) / z, out + d,
                 static_cast<int>(std::min<std::int64_t>(16, shape.head_dim - d)));
  }
};

inline void block_scores_of(const AttentionShape& shape, std::span<const ContextSpan> spans,
                            const QueryBlock& block) {
  constexpr std::int64_t step = 4;
  const std::int64_t depth = shape.head_dim;
  for (const ContextSpan& span : spans) {
    const std::int64_t panels = (span.length + 15) / 16;
    for (std::int64_t first = 0; first < panels; first += step)
      for (std::int64_t r = span.row_begin; r < span.row_end; r += tile_rows) {
        const std::int64_t last_row = std::min<std::int64_t>(r + tile_rows, span.row_end);
        const auto [low, high] =
            std::minmax_element(block.positions->begin() + r, block.positions->begin() + last_row);
        if (*high < span.begin) continue;
        const std::int64_t seen =
            std::max<std::int64_t>(0, first_visible(shape, *low) - span.begin);
        const std::int64_t p = std::max(first, seen / 16);
        const std::int64_t end = std::min({first + step, panels, (*high - span.begin) / 16 + 1});
        if (p >= end) continue;
        attention_tile_of<Side::rows, true>(
            static_cast<int>(last_row - r), depth, end - p,
            {block.q + r * block.value_ld, block.value_ld},
            {span.keys + p * depth * 16, 16, depth * 16},
            {block.scores + r * block.score_ld + (span.begin + 16 * p - block.base),
             block.score_ld});
      }
  }
}

// Scores become exp(score - max); the row's max and sum are kept.
inline void block_softmax(const AttentionShape& shape, const QueryBlock& block) {
  const pack scale(shape.scale);
  const pack cap(shape.softcap);
  const pack hidden(-std::numeric_limits<float>::infinity());
  for (std::int64_t r = 0; r < block.rows; ++r) {
    float* row = block.scores + r * block.score_ld;
    const std::int64_t begin = first_visible(shape, block.position(r)) - block.base;
    const std::int64_t end = block.position(r) + 1 - block.base;
    const std::int64_t from = begin / 16 * 16;
    pack most = hidden;
    for (std::int64_t i = from; i < end; i += 16) {
      pack s = pack::load(row + i) * scale;
      if (shape.softcap > 0.0f) s = cap * tanh(s / cap);
      if (i < begin || i + 16 > end) {
        const auto lane = [&](std::int64_t at) {
          return pack_mask::first(static_cast<int>(std::clamp<std::int64_t>(at - i, 0, 16)));
        };
        s = select(lane(end) & !lane(begin), s, hidden);
      }
      s.store(row + i);
      most = max(most, s);
    }
    const pack top(max_lane(most));
    pack total(0.0f);
    for (std::int64_t i = from; i < end; i += 16) {
      const pack e = exp(pack::load(row + i) - top);
      e.store(row + i);
      total += e;
    }
    block.max[r] = max_lane(most);
    block.sum[r] = sum(total);
  }
}

inline void block_values(const AttentionShape& shape, std::span<const ContextSpan> spans,
                         const QueryBlock& block) {
  std::fill(block.o, block.o + block.rows * block.value_ld, 0.0f);
  for (const ContextSpan& span : spans)
    for (std::int64_t at = 0; at < span.length; at += block_positions) {
      const std::int64_t begin = span.begin + at;
      const std::int64_t length = std::min(block_positions, span.length - at);
      const auto range = [&](std::int64_t r) {
        const std::int64_t position = block.position(span.row_begin + r);
        return Range{std::max<std::int64_t>(0, first_visible(shape, position) - begin),
                     std::min(length, position + 1 - begin)};
      };
      chains<Side::rows>(
          span.row_end - span.row_begin, range, block.value_ld / 16,
          {block.scores + span.row_begin * block.score_ld + (begin - block.base), block.score_ld},
          {span.values + at * block.value_ld, block.value_ld, 16},
          {block.o + span.row_begin * block.value_ld, block.value_ld});
    }
}

// The whole definition for one block. o is left undivided.
inline void attend_block(const AttentionShape& shape, std::span<const ContextSpan> spans,
                         const QueryBlock& block) {
  block_scores_of(shape, spans, block);
  block_softmax(shape, block);
  block_values(shape, spans, block);
}

// Asks for a row ahead of its use: rows of one head lie too far apart for the machine to guess.
template <int Write = 0>
inline void fetch_row(const float* row, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += 16) __builtin_prefetch(row + i, Write);
}
inline constexpr std::int64_t fetch_ahead = 16;  // rows

// Row-major x [rows, ld] into panels [ceil(rows / 16)][head_dim][16]; missing lanes are zero.
inline void pack_panels(std::int64_t rows, std::int64_t head_dim, const float* x, std::int64_t ld,
                        float* panels) {
  float square[256], turned[256];
  for (std::int64_t r = 0; r < rows; r += 16)
    each_pack(0, head_dim, [&](std::int64_t d, int count) {
      for (std::int64_t i = 0; i < 16; ++i) {
        const float* from = x + (r + i) * ld + d;
        if (r + i + fetch_ahead < rows) __builtin_prefetch(from + fetch_ahead * ld);
        (r + i < rows ? load_pack(from, count) : pack(0.0f)).store(square + 16 * i);
      }
      float* to = panels + r * head_dim + 16 * d;
      transpose16(square, count == 16 ? to : turned);
      if (count < 16) std::copy_n(turned, 16 * count, to);
    });
}

// Rows [rows, ld] side by side at distance value_ld, padding zero.
inline void pack_rows(std::int64_t rows, std::int64_t head_dim, const float* x, std::int64_t ld,
                      std::int64_t value_ld, float* out) {
  for (std::int64_t r = 0; r < rows; ++r) {
    if (r + fetch_ahead < rows) fetch_row(x + (r + fetch_ahead) * ld, head_dim);
    std::copy_n(x + r * ld, head_dim, out + r * value_ld);
    std::fill(out + r * value_ld + head_dim, out + (r + 1) * value_ld, 0.0f);
  }
}

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
