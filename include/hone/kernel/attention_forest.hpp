// Attention of the training pass: all tokens of a packed forest at once, forward and backward.
#pragma once

#include <cstdint>
#include <span>

#include "hone/core/forest.hpp"
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

// Gradients, accumulated. Chains: dq over positions ascending; dk and dv of a position over the
// queries that see it in token order, for each over the heads of the group ascending.
struct AttentionGradients {
  float* dq = nullptr;     // [T, ld_q]
  float* dk = nullptr;     // [T, ld_kv]
  float* dv = nullptr;     // [T, ld_kv]
  std::int64_t ld_q = 0;   // 0: heads * head_dim
  std::int64_t ld_kv = 0;  // 0: kv_heads * head_dim
};

// Writes o and, if asked for, the softmax statistics of every (token, head).
inline void attend_forest(const AttentionShape& shape, std::span<const Segment> segments,
                          const AttentionInputs& in, const AttentionOutputs& out);

// Adds the gradients of q, k and v, given dO [T, ld_o] and what the forward pass wrote. Threads
// split (tree, kv head).
inline void attend_forest_backward(const AttentionShape& shape, std::span<const Segment> segments,
                                   const AttentionInputs& in, const AttentionOutputs& out,
                                   const float* d_o, const AttentionGradients& grad);

}  // namespace kernel
}  // namespace v0
}  // namespace hone
