// One forward and backward pass of an objective of whole sequences: GSPO, GMPO, KTO.
//
// loss = sum over sequences of weight * f(sequence), where the sequence's log-probability is the
// sum over its rows. The derivative by each token's log-probability follows by the chain rule,
// here.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/differentiate.hpp"
#include "hone/core/forest.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/core/reads.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/train/sequence_rows.hpp"
#include "hone/train/two_stage_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

namespace detail {

// A functor's token stage as an objective of its own.
template <class F>
struct TokenStage {
  static constexpr Level level = Level::token;
  F f;

  template <class T>
  constexpr auto operator()(const TokenInputs<T>& t) const {
    return f.token(t);
  }
};

template <class F>
concept has_token_stage = requires(const F& f, const TokenInputs<dual<float, 1>>& t) {
  f.token(t);
};

inline std::vector<float> lengths_of(const SequenceRows& sequences) {
  std::vector<float> out;
  for (std::int64_t s = 0; s < sequences.size(); ++s)
    out.push_back(static_cast<float>(sequences.length(s)));
  return out;
}

// to[r] += slope of the sequence that row r belongs to.
inline void spread(const SequenceRows& sequences, std::span<const float> slope,
                   std::vector<float>& to) {
  for (std::int64_t s = 0; s < sequences.size(); ++s)
    for (std::int64_t r = sequences.offsets[static_cast<std::size_t>(s)];
         r < sequences.offsets[static_cast<std::size_t>(s) + 1]; ++r)
      to[static_cast<std::size_t>(r)] += slope[static_cast<std::size_t>(s)];
}

}  // namespace detail

// Adds the gradients; returns the loss. Of `columns`, [S], logprob, entropy, token_sum and length
// are computed here. `tokens`, [n], serves functors with a token stage. An empty sequence must have
// weight 0. `row_logprobs`, if not empty, receives the log-probability of each row.
template <class Decoder, class F>
OrderFreeSum<> sequence_pass(Decoder& decoder, const Forest& forest, const SequenceRows& sequences,
                             const F& f, SequenceInputs<loss::Column> columns, loss::Column weights,
                             const PassSettings& settings = {},
                             TokenInputs<loss::Column> tokens = {},
                             std::span<float> row_logprobs = {}) {
  static_assert(level_of<F> == Level::sequence,
                "hone: sequence_pass takes an objective of sequences; give the functor "
                "`static constexpr auto level = hone::Level::sequence`");
  TwoStagePass<Decoder> pass(decoder, forest, sequences.rows, settings, reads<F>.entropy);
  std::copy_n(pass.logprobs().begin(), row_logprobs.size(), row_logprobs.begin());
  const std::size_t n = pass.logprobs().size();
  const auto count = static_cast<std::size_t>(sequences.size());
  const std::vector<float> logprob = sums(sequences, pass.logprobs());
  const std::vector<float> length = detail::lengths_of(sequences);
  columns.logprob = logprob;
  columns.length = length;
  std::vector<float> entropy, token_sum, token_slope;
  if constexpr (reads<F>.entropy) {
    entropy = sums(sequences, pass.entropies());
    columns.entropy = entropy;
  }
  if constexpr (detail::has_token_stage<F>) {
    const detail::TokenStage<F> stage{f};
    std::vector<float> values(n);
    token_slope.resize(n);
    tokens.logprob = pass.logprobs();
    for (std::size_t r = 0; r < n; ++r) {
      TokenInputs<float> in;
      in.each([r](float& to, const loss::Column& from) { to = from.empty() ? 0.0f : from[r]; }, in,
              tokens);
      const auto result = differentiate(stage, in);
      values[r] = result.value;
      token_slope[r] = result.slope.logprob;
    }
    token_sum = sums(sequences, values);
    columns.token_sum = token_sum;
  }
  std::vector<float> d_logprob(count), d_entropy(count), d_token_sum(count);
  SequenceInputs<loss::Derivative> slopes;
  slopes.logprob = d_logprob;
  slopes.entropy = d_entropy;
  slopes.token_sum = d_token_sum;
  const OrderFreeSum<> total = loss::evaluate(f, columns, weights, slopes);

  std::vector<float> row_slopes(n, 0.0f), row_entropy_slopes(entropy.empty() ? 0 : n, 0.0f);
  detail::spread(sequences, d_logprob, row_slopes);
  if constexpr (detail::has_token_stage<F>) {
    std::vector<float> per_row(n, 0.0f);
    detail::spread(sequences, d_token_sum, per_row);
    for (std::size_t r = 0; r < n; ++r)
      row_slopes[r] = std::fma(per_row[r], token_slope[r], row_slopes[r]);
  }
  if (!row_entropy_slopes.empty()) detail::spread(sequences, d_entropy, row_entropy_slopes);
  pass.backward(row_slopes, row_entropy_slopes);
  return total;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
