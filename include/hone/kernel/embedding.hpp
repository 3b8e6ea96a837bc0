// Embedding rows out of the head's panels, learned positions, and their gradients.
//
// A tied table exists once, in the layout of the head: P[ceil(vocab / 16)][dim][16]. Gradients add
// in token order, one chain per table element from the stored value; threads split columns.
#pragma once

#include <cstdint>

#include "hone/core/forest.hpp"

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

// y[t] = scale table[tokens[t]]. A token outside [0, vocab) is an error.
inline void embed(const EmbeddingShape& shape, const float* panels, const Token* tokens, float* y);

// dtable[tokens[t]] += scale dy[t], t ascending.
inline void embed_backward(const EmbeddingShape& shape, const Token* tokens, const float* dy,
                           float* dpanels);

// y[t] += table[index[t]]; table is row-major [vocab, dim] (learned positions); scale is not used.
inline void add_positions(const EmbeddingShape& shape, const float* table,
                          const std::int32_t* index, float* y);

// dtable[index[t]] += dy[t], t ascending.
inline void add_positions_backward(const EmbeddingShape& shape, const std::int32_t* index,
                                   const float* dy, float* dtable);

}  // namespace kernel
}  // namespace v0
}  // namespace hone
