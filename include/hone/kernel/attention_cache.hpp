// Cached keys and values, and attention of new tokens to them: prefill and decoding.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/attention_block.hpp"
#include "hone/kernel/attention_scratch.hpp"
#include "hone/kernel/attention_shape.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

// A run of consecutive positions of one layer, read only: a whole cache, or a prefix that several
// sequences share. value_ld is head_dim rounded up to 16; the padding is zero.
struct KvPiece {
  const float* keys = nullptr;    // per kv head [ceil(length / 16)][head_dim][16]
  const float* values = nullptr;  // per kv head [length][value_ld]
  std::int64_t key_stride = 0;    // floats from one kv head to the next
  std::int64_t value_stride = 0;
  std::int64_t length = 0;
  bool operator==(const KvPiece&) const = default;
};

// The keys and values of one sequence (or of one prefix) in one layer, growing at the end.
class KvCache {
 public:
  KvCache() = default;
  explicit KvCache(const AttentionShape& shape, std::int64_t capacity = 0)
      : kv_heads_(shape.kv_heads), head_dim_(shape.head_dim) {
    check(shape);
    reserve(capacity);
  }

  std::int64_t length() const { return length_; }
  std::int64_t capacity() const { return capacity_; }
  std::int64_t bytes() const {
    return static_cast<std::int64_t>((keys_.capacity() + values_.capacity()) * sizeof(float));
  }

  // Appends `rows` positions: k and v are [rows, ld_kv] with all kv heads side by side, k after its
  // rotation. Beyond the capacity the cache moves to twice the room, and pieces taken before
  // dangle.
  void append(std::int64_t rows, const float* k, const float* v, std::int64_t ld_kv) {
    if (length_ + rows > capacity_) reserve(std::max(2 * capacity_, length_ + rows));
    for (std::int64_t h = 0; h < kv_heads_; ++h)
      for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t at = length_ + r;
        const float* key = k + r * ld_kv + h * head_dim_;
        float* lane = keys_.data() + h * key_stride() + at / 16 * 16 * head_dim_ + at % 16;
        for (std::int64_t d = 0; d < head_dim_; ++d) lane[16 * d] = key[d];
        std::copy_n(v + r * ld_kv + h * head_dim_, head_dim_,
                    values_.data() + h * value_stride() + at * value_ld());
      }
    length_ += rows;
  }

  // Room for `capacity` positions in all.
  void reserve(std::int64_t capacity) {
    const std::int64_t old_capacity = capacity_;
    if (capacity <= old_capacity) return;
    capacity_ = detail::round_up(capacity, 16);
    const auto moved = [&](const detail::LineVector& from, std::int64_t width, std::int64_t used) {
      detail::LineVector to(static_cast<std::size_t>(kv_heads_ * capacity_ * width));
      for (std::int64_t h = 0; h < kv_heads_; ++h)
        std::copy_n(from.data() + h * old_capacity * width, used * width,
                    to.data() + h * capacity_ * width);
      return to;
    };
    keys_ = moved(keys_, head_dim_, detail::round_up(length_, 16));
    values_ = moved(values_, value_ld(), length_);
  }

  // Forgets all positions from `length` on.
  void truncate(std::int64_t length) {
    require(length >= 0 && length <= length_, "KvCache::truncate: length is ", length,
            ", expected 0 to ", length_);
    length_ = length;
  }

  // All positions held.
  KvPiece piece() const {
    return {keys_.data(), values_.data(), key_stride(), value_stride(), length_};
  }

 private:
  std::int64_t value_ld() const { return detail::round_up(head_dim_, 16); }
  std::int64_t key_stride() const { return capacity_ * head_dim_; }
  std::int64_t value_stride() const { return capacity_ * value_ld(); }

  std::int64_t kv_heads_ = 0;
  std::int64_t head_dim_ = 0;
  std::int64_t capacity_ = 0;  // a multiple of 16
  std::int64_t length_ = 0;
  detail::LineVector keys_;    // [kv_heads][capacity / 16][head_dim][16]
  detail::LineVector values_;  // [kv_heads][capacity][value_ld]
};

// The new tokens of one sequence of a batch: they are the last `rows` positions of its pieces.
struct CachedQuery {
  std::span<const KvPiece> pieces;  // ancestors first; positions count through all of them
  std::int64_t begin = 0;           // row of q and o of the first new token
  std::int64_t rows = 1;            // 1 in decoding, more in prefill

  std::int64_t length() const {
    std::int64_t positions = 0;
    for (const KvPiece& piece : pieces) positions += piece.length;
    return positions;
  }
};

namespace detail {

// Tokens [token, token + tokens) of each of the queries [first, last): a single long query in
// parts, or several short ones that share a prefix and read it together.
struct CachedBlock {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t token = 0;
  std::int64_t tokens = 0;
  std::int64_t base = 0;      // least score_base of its rows
  std::int64_t position = 0;  // greatest position of its rows
};

inline std::int64_t shared_pieces(const CachedQuery& a, const CachedQuery& b) {
  std::size_t n = 0;
  while (n < a.pieces.size() && n < b.pieces.size() && a.pieces[n] == b.pieces[n]) ++n;
  return static_cast<std::int64_t>(n);
}

// Merged blocks stay small enough that every thread gets some.
inline void find_blocks(const AttentionShape& shape, std::span<const CachedQuery> queries,
                        std::vector<CachedBlock>& blocks) {
  const std::int64_t group = shape.group();
  std::int64_t rows = 0;
  for (const CachedQuery& query : queries) rows += query.rows * group;
  const std::int64_t most =
      std::clamp<std::int64_t>(rows * shape.kv_heads / (4 * threads()), tile_rows, block_rows);
  std::int64_t merged = 0;  // rows of the last block
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const CachedQuery& query = queries[i];
    const auto index = static_cast<std::int64_t>(i);
    const std::int64_t begin = query.length() - query.rows;
    require(begin >= 0, "attend_cached: query ", i, " has ", query.rows,
            " new tokens, expected at most its positions, ", query.length());
    const std::int64_t base = score_base(shape, begin), end = begin + query.rows - 1;
    if (i > 0 && !blocks.empty() && query.rows > 0 && blocks.back().last == index &&
        blocks.back().tokens == query.rows && query.rows == queries[i - 1].rows &&
        merged + query.rows * group <= most && shared_pieces(queries[i - 1], query) > 0) {
      CachedBlock& block = blocks.back();
      const std::int64_t low = std::min(block.base, base), high = std::max(block.position, end);
      const std::int64_t total = merged + query.rows * group;
      if (total * score_distance(low, high) <= block_scores) {
        block = {block.first, index + 1, 0, block.tokens, low, high};
        merged = total;
        continue;
      }
    }
    for (std::int64_t t = 0, count; t < query.rows; t += count) {
      count = block_tokens(shape, begin + t, query.rows - t);
      blocks.push_back(
          {index, index + 1, t, count, score_base(shape, begin + t), begin + t + count - 1});
      merged = count * group;
    }
  }
}

// Depth by depth, one span for each run of neighbours whose pieces are the same up to there.
inline void find_spans(const CachedBlock& block, std::span<const CachedQuery> queries,
                       std::int64_t kv_head, std::int64_t rows_each,
                       std::vector<ContextSpan>& spans) {
  spans.clear();
  std::int64_t deepest = 0;
  for (std::int64_t i = block.first; i < block.last; ++i)
    deepest = std::max(
        deepest, static_cast<std::int64_t>(queries[static_cast<std::size_t>(i)].pieces.size()));
  for (std::int64_t depth = 0; depth < deepest; ++depth)
    for (std::int64_t i = block.first, end; i < block.last; i = end) {
      const CachedQuery& query = queries[static_cast<std::size_t>(i)];
      end = i + 1;
      if (depth >= static_cast<std::int64_t>(query.pieces.size())) continue;
      while (end < block.last &&
             shared_pieces(query, queries[static_cast<std::size_t>(end)]) > depth)
        ++end;
      const KvPiece& piece = query.pieces[static_cast<std::size_t>(depth)];
      std::int64_t begin = 0;
      for (std::int64_t d = 0; d < depth; ++d)
        begin += query.pieces[static_cast<std::size_t>(d)].length;
      if (piece.length > 0)
        spans.push_back({.keys = piece.keys + kv_head * piece.key_stride,
                         .values = piece.values + kv_head * piece.value_stride,
                         .begin = begin,
                         .length = piece.length,
                         .row_begin = (i - block.first) * rows_each,
                         .row_end = (end - block.first) * rows_each});
    }
}

}  // namespace detail

// o[row] = attention of q[row] to its sequence's pieces up to its own position. q is [rows, ld_q],
// o [rows, ld_o] with heads * head_dim used. Neighbours in `queries` with the same leading pieces
// read them together: keep the members of a group next to each other.
inline void attend_cached(const AttentionShape& shape, std::span<const CachedQuery> queries,
                          const float* q, std::int64_t ld_q, float* o, std::int64_t ld_o) {
  check(shape);
  std::vector<detail::CachedBlock>& blocks =
      detail::thread_vector<detail::CachedBlock, struct Cached>();
  detail::find_blocks(shape, queries, blocks);
  std::int64_t last = 0;
  for (const detail::CachedBlock& block : blocks) last = std::max(last, block.position);
  const std::int64_t count = static_cast<std::int64_t>(blocks.size());

  parallel_for_neighbours(count * shape.kv_heads, [&](std::int64_t chunk) {
    const detail::CachedBlock& cached = blocks[static_cast<std::size_t>(chunk / shape.kv_heads)];
    const std::int64_t kv_head = chunk % shape.kv_heads, group = shape.group();
    const std::int64_t head = kv_head * group * shape.head_dim;
    detail::QueryBlock block;
    detail::lay_out([&](detail::Carver& carve) { block.lay_out(carve, shape, last); });
    block.begin(cached.base, cached.position);
    for (std::int64_t i = cached.first; i < cached.last; ++i) {
      const CachedQuery& query = queries[static_cast<std::size_t>(i)];
      block.add(shape, q + (query.begin + cached.token) * ld_q + head, ld_q,
                query.length() - query.rows + cached.token, cached.tokens);
    }
    std::vector<detail::ContextSpan>& spans =
        detail::thread_vector<detail::ContextSpan, struct Spans>();
    detail::find_spans(cached, queries, kv_head, cached.tokens * group, spans);
    detail::attend_block(shape, spans, block);
    for (std::int64_t r = 0; r < block.rows; ++r) {
      const std::int64_t token = r / group;
      const CachedQuery& query =
          queries[static_cast<std::size_t>(cached.first + token / cached.tokens)];
      block.store(shape, r,
                  o + (query.begin + cached.token + token % cached.tokens) * ld_o + head +
                      r % group * shape.head_dim);
    }
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
