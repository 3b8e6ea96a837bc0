// One forward and backward pass of an objective of pairs of answers: DPO and its kin.
//
// loss = sum over pairs of weight * f(pair). A sequence may be in several pairs (ranked answers):
// its derivative is the sum over them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/core/reads.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/train/sequence_pass.hpp"
#include "hone/train/sequence_rows.hpp"
#include "hone/train/two_stage_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// Sequences {chosen, rejected} by their number.
using Pairs = std::vector<std::array<std::int32_t, 2>>;

struct PairColumns {
  std::span<const float> ref_logprob = {};  // [S] sums; read where the objective reads it
  std::span<const float> margin = {};       // [P]
};

struct PairResults {
  std::vector<float> logprob;  // [S] sums
};

// Adds the gradients; returns the loss. Weights are per pair, [P].
template <class Decoder, class F>
OrderFreeSum<> pair_pass(Decoder& decoder, const Forest& forest, const SequenceRows& sequences,
                         const Pairs& pairs, const F& f, const PairColumns& given,
                         loss::Column weights, const PassSettings& settings = {},
                         PairResults* results = nullptr) {
  static_assert(level_of<F> == Level::pair,
                "hone: pair_pass takes an objective of pairs; give the functor "
                "`static constexpr auto level = hone::Level::pair`");
  TwoStagePass<Decoder> pass(decoder, forest, sequences.rows, settings, reads<F>.chosen.entropy);
  const std::vector<float> logprob = sums(sequences, pass.logprobs());
  const std::vector<float> length = detail::lengths_of(sequences);
  std::vector<float> entropy;
  if constexpr (reads<F>.chosen.entropy) entropy = sums(sequences, pass.entropies());

  // One column per side and field, [P].
  std::array<std::array<std::vector<float>, 4>, 2> gathered;
  const auto gather = [&](std::span<const float> all, int side, int field) -> loss::Column {
    std::vector<float>& to =
        gathered[static_cast<std::size_t>(side)][static_cast<std::size_t>(field)];
    if (all.empty()) return {};
    for (const auto& pair : pairs)
      to.push_back(all[static_cast<std::size_t>(pair[static_cast<std::size_t>(side)])]);
    return to;
  };
  PairInputs<loss::Column> columns;
  columns.margin = given.margin;
  PairInputs<loss::Derivative> slopes;
  std::array<std::vector<float>, 2> d_logprob, d_entropy;
  for (const int side : {0, 1}) {
    SequenceInputs<loss::Column>& to = side == 0 ? columns.chosen : columns.rejected;
    to.logprob = gather(logprob, side, 0);
    to.length = gather(length, side, 1);
    to.ref_logprob = gather(given.ref_logprob, side, 2);
    to.entropy = gather(entropy, side, 3);
    SequenceInputs<loss::Derivative>& d = side == 0 ? slopes.chosen : slopes.rejected;
    const auto i = static_cast<std::size_t>(side);
    d_logprob[i].resize(pairs.size());
    d_entropy[i].resize(entropy.empty() ? 0 : pairs.size());
    d.logprob = d_logprob[i];
    d.entropy = d_entropy[i];
  }
  const OrderFreeSum<> total = loss::evaluate(f, columns, weights, slopes);

  const auto count = static_cast<std::size_t>(sequences.size());
  std::vector<float> by_sequence(count, 0.0f), entropy_by_sequence(count, 0.0f);
  for (std::size_t p = 0; p < pairs.size(); ++p)
    for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
      by_sequence[static_cast<std::size_t>(pairs[p][side])] += d_logprob[side][p];
      if (!entropy.empty())
        entropy_by_sequence[static_cast<std::size_t>(pairs[p][side])] += d_entropy[side][p];
    }
  std::vector<float> row_slopes(pass.logprobs().size(), 0.0f);
  std::vector<float> row_entropy_slopes(entropy.empty() ? 0 : row_slopes.size(), 0.0f);
  detail::spread(sequences, by_sequence, row_slopes);
  if (!entropy.empty()) detail::spread(sequences, entropy_by_sequence, row_entropy_slopes);
  pass.backward(row_slopes, row_entropy_slopes);
  if (results) results->logprob = logprob;
  return total;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
