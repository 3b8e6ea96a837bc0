// Embedding rows out of panels, and learned positions, in plain loops.
#pragma once

#include <cstdint>

#include "hone/core/forest.hpp"
#include "hone/core/scalar.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

// Index of table[token][d] in P[ceil(vocab / 16)][dim][16].
inline std::int64_t panel_index(std::int64_t dim, std::int64_t token, std::int64_t d) {
  return (token / 16 * dim + d) * 16 + token % 16;
}

template <class T>
void embed(std::int64_t rows, std::int64_t dim, T scale, const T* panels, const Token* tokens,
           T* y) {
  for (std::int64_t t = 0; t < rows; ++t)
    for (std::int64_t d = 0; d < dim; ++d)
      y[t * dim + d] = product(scale, panels[panel_index(dim, tokens[t], d)]);
}

template <class T>
void embed_backward(std::int64_t rows, std::int64_t dim, T scale, const Token* tokens, const T* dy,
                    T* dpanels) {
  for (std::int64_t t = 0; t < rows; ++t)
    for (std::int64_t d = 0; d < dim; ++d) {
      T& to = dpanels[panel_index(dim, tokens[t], d)];
      to = fma(scale, dy[t * dim + d], to);
    }
}

// Learned positions: table is row-major [positions, dim]; rows of y and dy are `ld` apart.
template <class T>
void add_positions(std::int64_t rows, std::int64_t dim, std::int64_t ld, const T* table,
                   const std::int32_t* index, T* y) {
  for (std::int64_t t = 0; t < rows; ++t)
    for (std::int64_t d = 0; d < dim; ++d) y[t * ld + d] += table[index[t] * dim + d];
}

template <class T>
void add_positions_backward(std::int64_t rows, std::int64_t dim, std::int64_t ld,
                            const std::int32_t* index, const T* dy, T* dtable) {
  for (std::int64_t t = 0; t < rows; ++t)
    for (std::int64_t d = 0; d < dim; ++d) dtable[index[t] * dim + d] += dy[t * ld + d];
}

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
