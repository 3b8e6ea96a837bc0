// Cached keys and values, and attention of new tokens to them: prefill and decoding.
#pragma once

#include <cstdint>
#include <span>

#include "hone/kernel/attention_shape.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

// A run of consecutive positions of one layer, read only: a whole cache or a prefix that several
// sequences share. value_ld is head_dim rounded up to 16; padding is zero.
struct KvPiece {
  const float* keys = nullptr;    // per kv head [ceil(length / 16)][head_dim][16]
  const float* values = nullptr;  // per kv head [length][value_ld]
  std::int64_t key_stride = 0;    // floats from one kv head to the next
  std::int64_t value_stride = 0;
  std::int64_t length = 0;
};

// The keys and values of one sequence (or of one prefix) in one layer, growing at the end.
class KvCache {
 public:
  KvCache() = default;
  KvCache(const AttentionShape& shape, std::int64_t capacity);

  std::int64_t length() const;
  std::int64_t capacity() const;
  std::int64_t bytes() const;

  // Appends `rows` positions: k and v are [rows, ld_kv] with all kv heads side by side, k after its
  // rotation. Beyond the capacity the cache moves to twice the room, and pieces taken before
  // dangle.
  void append(std::int64_t rows, const float* k, const float* v, std::int64_t ld_kv);

  // Room for `capacity` positions in all.
  void reserve(std::int64_t capacity);

  // Forgets all positions from `length` on.
  void truncate(std::int64_t length);

  // All positions held.
  KvPiece piece() const;
};

// The new tokens of one sequence of a batch: they are the last `rows` positions of its last piece.
struct CachedQuery {
  std::span<const KvPiece> pieces;  // ancestors first; positions count through all of them
  std::int64_t begin = 0;           // row of q and o of the first new token
  std::int64_t rows = 1;            // 1 in decoding, more in prefill
};

// o[row] = attention of q[row] to its sequence's pieces up to its own position. q is [rows, ld_q],
// o [rows, ld_o] with heads * head_dim used. Neighbours in `queries` with the same leading pieces
// read them together: keep the members of a group next to each other.
inline void attend_cached(const AttentionShape& shape, std::span<const CachedQuery> queries,
                          const float* q, std::int64_t ld_q, float* o, std::int64_t ld_o);

}  // namespace kernel
}  // namespace v0
}  // namespace hone
