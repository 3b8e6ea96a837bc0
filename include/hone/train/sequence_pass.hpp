// One forward and backward pass of an objective of whole sequences: GSPO, GMPO, KTO.
//
// loss = sum over sequences of weight * f(sequence). The chain rule from sums to tokens stands in
// loss/sequences.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/core/reads.hpp"
#include "hone/loss/sequences.hpp"
#include "hone/train/sequence_rows.hpp"
#include "hone/train/two_stage_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

namespace detail {

// Completes `batch` with what the pass has computed.
template <class Decoder>
void fill(loss::SequenceBatch& batch, const SequenceRows& sequences,
          const TwoStagePass<Decoder>& pass) {
  batch.offsets = sequences.offsets;
  batch.mask = {};
  batch.tokens.logprob = pass.logprobs();
  batch.tokens.entropy = pass.entropies();
  batch.tokens.full_kl = pass.kls();
}

}  // namespace detail

// Adds the gradients; returns the loss. `given` holds the columns that f reads beside logprob and
// entropy, tokens by row, [n], sequences by their number, [S]. Weights are per sequence. An
// objective whose token stage reads the exact KL needs `reference`.
template <class Decoder, class F>
OrderFreeSum<> sequence_pass(Decoder& decoder, const Forest& forest, const SequenceRows& sequences,
                             const F& f, loss::SequenceBatch given, loss::Column weights,
                             const PassSettings& settings = {}, RowResults results = {},
                             const kernel::HeadReference* reference = nullptr) {
  static_assert(level_of<F> == Level::sequence,
                "hone: sequence_pass takes an objective of sequences; give the functor "
                "`static constexpr auto level = hone::Level::sequence`");
  constexpr bool entropy = token_columns<F>.entropy, full_kl = token_columns<F>.full_kl;
  TwoStagePass<Decoder> pass(decoder, forest, sequences.rows, settings, entropy,
                             detail::wanted<full_kl>(reference));
  detail::fill(given, sequences, pass);
  std::vector<float> d_logprob(pass.logprobs().size(), 0.0f);
  std::vector<float> d_entropy(entropy ? d_logprob.size() : 0, 0.0f);
  std::vector<float> d_kl(full_kl ? d_logprob.size() : 0, 0.0f);
  TokenInputs<loss::Derivative> slopes;
  slopes.logprob = d_logprob;
  slopes.entropy = d_entropy;
  slopes.full_kl = d_kl;
  const OrderFreeSum<> total = loss::evaluate_sequences(f, given, weights, slopes);
  pass.backward(d_logprob, d_entropy, d_kl);
  std::copy_n(pass.logprobs().begin(), results.logprobs.size(), results.logprobs.begin());
  if (entropy)
    std::copy_n(pass.entropies().begin(), results.entropies.size(), results.entropies.begin());
  if (full_kl) std::copy_n(pass.kls().begin(), results.kls.size(), results.kls.begin());
  return total;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
