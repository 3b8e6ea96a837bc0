// The language-model head fused with the objective: logits never exist beyond a block of rows.
//
//   z_r      = W x_r, capped if asked for               x_r = hidden[index[r]]
//   logprob  = log softmax(z_r / temperature)[targets[r]],  entropy = that of the distribution
//   kl       = sum over the vocabulary of p (log p - log q), q a reference's distribution
//   dz_r     = dlogprob_r d logprob_r / dz_r + dentropy_r d entropy_r / dz_r + dkl_r d kl_r / dz_r
//   dhidden[index[r]] += dz_r W,   dW += dz_r x_r^T     rows ascending, from the stored values on
//
// A block's derivative is known as soon as its log-probabilities are, so values and gradients take
// three matrix products; an objective that needs all log-probabilities first takes head_scores and
// then head_gradients, four. Every number equals what linear, log_softmax and their gradients give
// on stored logits, bit for bit, whatever the size of a block. Several rows may share a hidden
// state (the answers to one prompt). The exact KL takes one product more: the reference's logits of
// a block stand beside the actor's, and nothing of them outlives it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

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

// f(std::bool_constant<a>{}, std::bool_constant<b>{})
template <class F>
void with_flags(bool a, bool b, const F& f) {
  if (a)
    b ? f(std::true_type{}, std::true_type{}) : f(std::true_type{}, std::false_type{});
  else
    b ? f(std::false_type{}, std::true_type{}) : f(std::false_type{}, std::false_type{});
}

}  // namespace detail

// logprobs [rows] and, unless null, entropies [rows] and kls [rows].
//   hidden [states, dim], panels: the head [vocab, dim], index and targets [rows]
inline void head_scores(const HeadShape& shape, const float* hidden, const float* panels,
                        const HeadReference* reference, const std::int64_t* index,
                        const Token* targets, float* logprobs, float* entropies, float* kls) {
  const HeadShape s = detail::checked(shape, index, targets);
  require(!kls || reference, "head: the exact KL was asked for without a reference");
  if (!kls) reference = nullptr;
  const std::int64_t step = detail::HeadBlock::rows_of(s, reference);
  detail::HeadBlock block(s, panels, reference, std::min(step, s.rows), false, false);
  for (std::int64_t r = 0; r < s.rows; r += step) {
    const std::int64_t count = std::min(step, s.rows - r);
    block.gather(hidden, reference ? reference->hidden : nullptr, index + r, targets + r, count);
    block.multiply();
    detail::with_flags(entropies, reference, [&](auto entropy, auto kl) {
      block.normalise<decltype(entropy)::value, decltype(kl)::value>();
    });
    std::copy_n(block.logprobs, count, logprobs + r);
    if (entropies) std::copy_n(block.entropies, count, entropies + r);
    if (kls) std::copy_n(block.kls, count, kls + r);
  }
}
inline void head_scores(const HeadShape& shape, const float* hidden, const float* panels,
                        const std::int64_t* index, const Token* targets, float* logprobs,
                        float* entropies) {
  head_scores(shape, hidden, panels, nullptr, index, targets, logprobs, entropies, nullptr);
}

// Adds gradients to dhidden [states, dim] and to dpanels, the head's gradient in panels; either may
// be null. For each block of rows [begin, begin + count), begin a multiple of 16, it calls
// objective(begin, count, columns) with the block's HeadColumns. Entropies and their derivatives
// are 0 and ignored unless `entropy`, the KL and its derivative if there is no reference.
template <class Objective>
void head_gradients(const HeadShape& shape, const float* hidden, const float* panels,
                    const HeadReference* reference, const std::int64_t* index, const Token* targets,
                    bool entropy, const Objective& objective, float* dhidden, float* dpanels) {
  const HeadShape s = detail::checked(shape, index, targets);
  const std::int64_t step = detail::HeadBlock::rows_of(s, reference);
  detail::HeadBlock block(s, panels, reference, std::min(step, s.rows), dpanels, dhidden);
  for (std::int64_t r = 0; r < s.rows; r += step) {
    const std::int64_t count = std::min(step, s.rows - r);
    block.gather(hidden, reference ? reference->hidden : nullptr, index + r, targets + r, count);
    block.multiply();
    detail::with_flags(entropy, reference, [&](auto with_entropy, auto with_kl) {
      block.normalise<decltype(with_entropy)::value, decltype(with_kl)::value>();
    });
    for (float* d : {block.d_logprobs, block.d_entropies, block.d_kls}) std::fill_n(d, count, 0.0f);
    objective(r, count,
              HeadColumns{block.logprobs, block.entropies, block.kls, block.d_logprobs,
                          block.d_entropies, block.d_kls});
    if (!dhidden && !dpanels) continue;
    detail::with_flags(entropy, reference, [&](auto with_entropy, auto with_kl) {
      block.weight_gradient<decltype(with_entropy)::value, decltype(with_kl)::value>(dpanels);
    });
    if (dhidden) block.input_gradient(dhidden, index + r);
  }
}
// The same without a reference, for an objective that is called with (begin, count, logprobs,
// entropies, d_logprobs, d_entropies).
template <class Objective>
void head_gradients(const HeadShape& shape, const float* hidden, const float* panels,
                    const std::int64_t* index, const Token* targets, bool entropy,
                    const Objective& objective, float* dhidden, float* dpanels) {
  head_gradients(
      shape, hidden, panels, nullptr, index, targets, entropy,
      [&](std::int64_t begin, std::int64_t count, const HeadColumns& c) {
        objective(begin, count, c.logprobs, c.entropies, c.d_logprobs, c.d_entropies);
      },
      dhidden, dpanels);
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
