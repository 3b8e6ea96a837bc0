// Embedding rows out of the head's panels, learned positions, and their gradients.
//
// A tied table exists once, in the layout of the head: P[ceil(vocab / 16)][dim][16]. Gradients add
// in token order, one chain per table element from the stored value; threads split columns.
#pragma once

#include <cstdint>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/scalar.hpp"
#include "hone/kernel/elementwise.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

struct EmbeddingShape {
  std::int64_t rows = 0;   // tokens
  std::int64_t vocab = 0;  // rows of the table
  std::int64_t dim = 0;
  std::int64_t ld_y = 0;  // distance between rows of y and dy; 0: dim
  float scale = 1.0f;     // sqrt(dim) for Gemma
};

namespace detail {

inline EmbeddingShape checked(EmbeddingShape s, const std::int32_t* index, const char* what) {
  if (s.ld_y == 0) s.ld_y = s.dim;
  for (std::int64_t t = 0; t < s.rows; ++t)
    require(index[t] >= 0 && index[t] < s.vocab, "embedding: ", what, " of row ", t, " is ",
            index[t], ", expected 0 to ", s.vocab - 1);
  return s;
}

// Where number 0 of a token's row lies in the panels; the next are 16 floats apart.
inline std::int64_t panel_row(const EmbeddingShape& s, Token token) {
  return token / 16 * (s.dim * 16) + token % 16;
}

}  // namespace detail

// y[t] = scale table[tokens[t]]. A token outside [0, vocab) is an error.
inline void embed(const EmbeddingShape& shape, const float* panels, const Token* tokens, float* y) {
  const EmbeddingShape s = detail::checked(shape, tokens, "token");
  detail::split_range(s.rows, s.dim * 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* row = panels + detail::panel_row(s, tokens[t]);
      float* to = y + t * s.ld_y;
      for (std::int64_t d = 0; d < s.dim; ++d) to[d] = product(s.scale, row[16 * d]);
    }
  });
}

// dtable[tokens[t]] += scale dy[t], t ascending.
inline void embed_backward(const EmbeddingShape& shape, const Token* tokens, const float* dy,
                           float* dpanels) {
  const EmbeddingShape s = detail::checked(shape, tokens, "token");
  detail::split_columns(s.rows * 4, s.dim, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = 0; t < s.rows; ++t) {
      float* row = dpanels + detail::panel_row(s, tokens[t]);
      const float* from = dy + t * s.ld_y;
      for (std::int64_t d = begin; d < end; ++d) row[16 * d] = fma(s.scale, from[d], row[16 * d]);
    }
  });
}

// y[t] += table[index[t]]; table is row-major [vocab, dim] (learned positions), scale is not used.
inline void add_positions(const EmbeddingShape& shape, const float* table,
                          const std::int32_t* index, float* y) {
  const EmbeddingShape s = detail::checked(shape, index, "position");
  detail::split_range(s.rows, s.dim, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      detail::each_pack(0, s.dim, [&](std::int64_t d, int count) {
        float* to = y + t * s.ld_y + d;
        detail::store_pack(
            detail::load_pack(to, count) + detail::load_pack(table + index[t] * s.dim + d, count),
            to, count);
      });
  });
}

// dtable[index[t]] += dy[t], t ascending.
inline void add_positions_backward(const EmbeddingShape& shape, const std::int32_t* index,
                                   const float* dy, float* dtable) {
  const EmbeddingShape s = detail::checked(shape, index, "position");
  detail::split_columns(s.rows, s.dim, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = 0; t < s.rows; ++t)
      detail::each_pack(begin, end, [&](std::int64_t d, int count) {
        float* to = dtable + index[t] * s.dim + d;
        detail::store_pack(
            detail::load_pack(to, count) + detail::load_pack(dy + t * s.ld_y + d, count), to,
            count);
      });
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
