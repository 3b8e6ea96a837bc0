// One forward and backward pass of an objective of pairs of answers: DPO and its kin.
//
// loss = sum over pairs of weight * f(pair). A sequence may be in several pairs (ranked answers):
// its derivative is the sum over them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/reads.hpp"
#include "hone/loss/sequences.hpp"
#include "hone/train/sequence_pass.hpp"
#include "hone/train/sequence_rows.hpp"
#include "hone/train/two_stage_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// Adds the gradients. `given` holds the columns that f reads beside logprob and entropy. The
// log-probabilities of the rows go to `results`.
template <class Decoder, class F>
loss::PairResult pair_pass(Decoder& decoder, const Forest& forest, const SequenceRows& sequences,
                           std::span<const loss::Pair> pairs, const F& f, loss::SequenceBatch given,
                           const PassSettings& settings = {}, RowResults results = {}) {
  static_assert(level_of<F> == Level::pair,
                "hone: pair_pass takes an objective of pairs; give the functor "
                "`static constexpr auto level = hone::Level::pair`");
  static_assert(
      !token_columns<F>.full_kl,
      "hone: an objective of pairs cannot read full_kl, since its pass runs no reference: "
      "compare with t.ref_logprob instead");
  constexpr bool entropy = reads<F>.chosen.entropy || reads<F>.rejected.entropy;
  TwoStagePass<Decoder> pass(decoder, forest, sequences.rows, settings, entropy);
  detail::fill(given, sequences, pass);
  std::vector<float> d_logprob(pass.logprobs().size(), 0.0f);
  std::vector<float> d_entropy(entropy ? d_logprob.size() : 0, 0.0f);
  TokenInputs<loss::Derivative> slopes;
  slopes.logprob = d_logprob;
  slopes.entropy = d_entropy;
  const loss::PairResult result = loss::evaluate_pairs(f, given, pairs, slopes);
  pass.backward(d_logprob, d_entropy);
  std::copy_n(pass.logprobs().begin(), results.logprobs.size(), results.logprobs.begin());
  return result;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
