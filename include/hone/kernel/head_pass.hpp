// The language-model head fused with the objective: logits never exist beyond a block of rows.
//
//   z_r      = W x_r, capped if asked for               x_r = hidden[index[r]]
//   logprob  = log softmax(z_r / temperature)[targets[r]],  entropy = that of the distribution
//   dz_r     = dlogprob_r d logprob_r / dz_r + dentropy_r d entropy_r / dz_r
//   dhidden[index[r]] += dz_r W,   dW += dz_r x_r^T     rows ascending, from the stored values on
//
// A block's derivative is known as soon as its log-probabilities are, so values and gradients take
// three matrix products; an objective that needs all log-probabilities first takes head_scores and
// then head_gradients, four. Every number equals what linear, log_softmax and their gradients give
// on stored logits, bit for bit, whatever the size of a block. Several rows may share a hidden
// state (the answers to one prompt).
#pragma once

#include <algorithm>
#include <cstdint>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/kernel/head_block.hpp"
#include "hone/kernel/head_shape.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

inline HeadShape checked(HeadShape s, const std::int64_t* index, const Token* targets) {
  if (s.ld_hidden == 0) s.ld_hidden = s.dim;
  require(s.temperature > 0.0f, "head: temperature is ", s.temperature, ", expected above 0");
  for (std::int64_t r = 0; r < s.rows; ++r)
    require(index[r] >= 0 && targets[r] >= 0 && targets[r] < s.vocab, "head: row ", r,
            " predicts token ", targets[r], " from hidden state ", index[r],
            ", expected a token below ", s.vocab, " and a state from 0 on");
  return s;
}

}  // namespace detail

// logprobs [rows] and, unless null, entropies [rows].
//   hidden [states, dim], panels: the head [vocab, dim], index and targets [rows]
inline void head_scores(const HeadShape& shape, const float* hidden, const float* panels,
                        const std::int64_t* index, const Token* targets, float* logprobs,
                        float* entropies) {
  const HeadShape s = detail::checked(shape, index, targets);
  const std::int64_t step = detail::HeadBlock::rows_of(s);
  detail::HeadBlock block(s, panels, std::min(step, s.rows), false, false);
  for (std::int64_t r = 0; r < s.rows; r += step) {
    const std::int64_t count = std::min(step, s.rows - r);
    block.gather(hidden, index + r, targets + r, count);
    block.multiply();
    if (entropies) {
      block.normalise<true>();
      std::copy_n(block.entropies, count, entropies + r);
    } else {
      block.normalise<false>();
    }
    std::copy_n(block.logprobs, count, logprobs + r);
  }
}

// Adds gradients to dhidden [states, dim] and to dpanels, the head's gradient in panels; either may
// be null. For each block of rows [begin, begin + count), begin a multiple of 16,
//   objective(begin, count, logprobs, entropies, d_logprobs, d_entropies)
// reads the first two and writes the derivative of the loss by each into the last two, all [count].
// Entropies and their derivatives are 0 and ignored unless `entropy`.
template <class Objective>
void head_gradients(const HeadShape& shape, const float* hidden, const float* panels,
                    const std::int64_t* index, const Token* targets, bool entropy,
                    const Objective& objective, float* dhidden, float* dpanels) {
  const HeadShape s = detail::checked(shape, index, targets);
  const std::int64_t step = detail::HeadBlock::rows_of(s);
  detail::HeadBlock block(s, panels, std::min(step, s.rows), dpanels, dhidden);
  for (std::int64_t r = 0; r < s.rows; r += step) {
    const std::int64_t count = std::min(step, s.rows - r);
    block.gather(hidden, index + r, targets + r, count);
    block.multiply();
    if (entropy)
      block.normalise<true>();
    else
      block.normalise<false>();
    std::fill_n(block.d_logprobs, count, 0.0f);
    std::fill_n(block.d_entropies, count, 0.0f);
    objective(r, count, static_cast<const float*>(block.logprobs),
              static_cast<const float*>(block.entropies), block.d_logprobs, block.d_entropies);
    if (!dhidden && !dpanels) continue;
    if (entropy)
      block.weight_gradient<true>(dpanels);
    else
      block.weight_gradient<false>(dpanels);
    if (dhidden) block.input_gradient(dhidden, index + r);
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
