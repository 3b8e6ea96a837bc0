// Sequence and pair objectives over a batch: from token log-probabilities to a derivative per token
//
//   dL / dlogprob_t = dL / dsum + dL / dtoken_sum * dtoken / dlogprob_t
//
// for every sampled token t of the sequence: the chain rule through the sums stands here, once, for
// all objectives of these levels. Sums and the objective itself run in double, in the order of the
// tokens: a difference of two long sums keeps its digits. No product is fused with an addition, and
// exp and log are core/math_double.hpp's, so every build gives the same bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/differentiate.hpp"
#include "hone/core/error.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/loss/evaluate.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

// A view of S sequences with T tokens, end to end.
struct SequenceBatch {
  std::span<const std::int64_t> offsets;  // [S + 1] sequence s: tokens [offsets[s], offsets[s + 1])
  std::span<const std::uint8_t> mask;     // [T] 0: not sampled, never read; empty: all sampled
  TokenInputs<Column> tokens;             // [T] columns; drift and length are not read
  Column advantage;  // [S] empty: the mean of tokens.advantage over the sequence
  Column label;      // [S] 1 desirable, 0 undesirable
  double baseline = 0;

  std::int64_t size() const {
    return offsets.empty() ? 0 : static_cast<std::int64_t>(offsets.size()) - 1;
  }
  bool sampled(std::int64_t t) const { return mask.empty() || mask[static_cast<std::size_t>(t)]; }
};

// Which two sequences of a batch are compared. K ranked answers to a prompt make K (K - 1) / 2
// pairs of K sequences.
struct Pair {
  std::int32_t chosen = 0, rejected = 0;
  float margin = 0;
  float weight = 0;  // of the pair in the loss; 1 / pairs of the optimiser batch for the mean
};

namespace detail {

// The fields of one sequence that an objective of level sequence or pair reads on any side.
template <class F>
constexpr SequenceInputs<bool> sequence_reads() {
  if constexpr (level_of<F> == Level::sequence) {
    return reads<F>;
  } else {
    SequenceInputs<bool> either;
    either.each([](bool& out, bool a, bool b) { out = a || b; }, either, reads<F>.chosen,
                reads<F>.rejected);
    return either;
  }
}

template <class V>
TokenInputs<V> token_at(const TokenInputs<Column>& columns, std::int64_t t) {
  TokenInputs<V> in;
  in.each(
      [&](V& to, const Column& column) {
        if (!column.empty()) to = static_cast<V>(column[static_cast<std::size_t>(t)]);
      },
      in, columns);
  return in;
}

// The sums that F reads, of sequence s; length 0 for an empty one.
template <class F>
SequenceInputs<double> sum_sequence(const F& f, const SequenceBatch& batch, std::int64_t s) {
  constexpr SequenceInputs<bool> read = sequence_reads<F>();
  SequenceInputs<double> sums;
  const auto begin = batch.offsets[static_cast<std::size_t>(s)];
  const auto end = batch.offsets[static_cast<std::size_t>(s) + 1];
  for (std::int64_t t = begin; t < end; ++t) {
    if (!batch.sampled(t)) continue;
    const auto i = static_cast<std::size_t>(t);
    sums.length += 1;
    if (read.logprob) sums.logprob += batch.tokens.logprob[i];
    if (read.entropy) sums.entropy += batch.tokens.entropy[i];
    if (read.old_logprob) sums.old_logprob += batch.tokens.old_logprob[i];
    if (read.rollout_logprob) sums.rollout_logprob += batch.tokens.rollout_logprob[i];
    if (read.ref_logprob) sums.ref_logprob += batch.tokens.ref_logprob[i];
    if (read.advantage && batch.advantage.empty()) sums.advantage += batch.tokens.advantage[i];
    if constexpr (has_token_stage<F>)
      sums.token_sum += value_at(TokenStage<F>{f}, token_at<double>(batch.tokens, t));
  }
  const auto i = static_cast<std::size_t>(s);
  if (read.advantage)
    sums.advantage = batch.advantage.empty() ? sums.advantage / sums.length : batch.advantage[i];
  if (read.label) sums.label = batch.label[i];
  sums.baseline = batch.baseline;
  return sums;
}

// Adds weight * (derivative by the sums of sequence s) to the derivatives of its tokens.
template <class F>
void spread(const F& f, const SequenceBatch& batch, std::int64_t s,
            const SequenceInputs<double>& slope, const TokenInputs<Derivative>& out) {
  const auto begin = batch.offsets[static_cast<std::size_t>(s)];
  const auto end = batch.offsets[static_cast<std::size_t>(s) + 1];
  for (std::int64_t t = begin; t < end; ++t) {
    if (!batch.sampled(t)) continue;
    const auto i = static_cast<std::size_t>(t);
    double by_logprob = slope.logprob;
    double by_entropy = slope.entropy;
    double by_kl = 0;
    if constexpr (has_token_stage<F>) {
      const auto stage = differentiate(TokenStage<F>{f}, token_at<double>(batch.tokens, t));
      by_logprob += product(slope.token_sum, stage.slope.logprob);
      by_entropy += product(slope.token_sum, stage.slope.entropy);
      by_kl = product(slope.token_sum, stage.slope.full_kl);
    }
    if (!out.logprob.empty()) out.logprob[i] += static_cast<float>(by_logprob);
    if (!out.entropy.empty()) out.entropy[i] += static_cast<float>(by_entropy);
    if (!out.full_kl.empty()) out.full_kl[i] += static_cast<float>(by_kl);
  }
}

template <class F>
void check_batch(const SequenceBatch& batch, const TokenInputs<Derivative>& out) {
  constexpr SequenceInputs<bool> read = sequence_reads<F>();
  const auto tokens = batch.offsets.empty() ? 0 : static_cast<std::size_t>(batch.offsets.back());
  const auto sequences = static_cast<std::size_t>(batch.size());
  const auto check = [](bool needed, const char* name, std::size_t has, std::size_t expected) {
    require(!needed || has == expected, "loss: column ", name, " has ", has,
            " entries, but this objective reads ", expected);
  };
  check(read.logprob, "logprob", batch.tokens.logprob.size(), tokens);
  check(read.entropy, "entropy", batch.tokens.entropy.size(), tokens);
  check(read.old_logprob, "old_logprob", batch.tokens.old_logprob.size(), tokens);
  check(read.rollout_logprob, "rollout_logprob", batch.tokens.rollout_logprob.size(), tokens);
  check(read.ref_logprob, "ref_logprob", batch.tokens.ref_logprob.size(), tokens);
  check(read.label, "label", batch.label.size(), sequences);
  if (read.advantage && batch.advantage.empty())
    check(true, "advantage", batch.tokens.advantage.size(), tokens);
  else
    check(read.advantage, "advantage", batch.advantage.size(), sequences);
  if constexpr (has_token_stage<F>) {
    int field = 0;
    batch.tokens.each(
        [&](const Column& column, bool needed) {
          check(needed, TokenInputs<Column>::names[field++], column.size(), tokens);
        },
        batch.tokens, reads<TokenStage<F>>);
  }
  check(!batch.mask.empty(), "mask", batch.mask.size(), tokens);
  check(!out.logprob.empty(), "d logprob", out.logprob.size(), tokens);
  check(!out.entropy.empty(), "d entropy", out.entropy.size(), tokens);
  check(!out.full_kl.empty(), "d full_kl", out.full_kl.size(), tokens);
}

}  // namespace detail

// Sum over sequences of weights[s] * f(s); adds its derivative by each token's log-probability (and
// entropy, and exact KL) to `out`, where the spans are not empty. Sequences of weight 0, and empty
// ones, count for nothing. f is of level sequence.
template <class F>
OrderFreeSum<> evaluate_sequences(const F& f, const SequenceBatch& batch, Column weights,
                                  const TokenInputs<Derivative>& out) {
  static_assert(level_of<F> == Level::sequence,
                "hone: evaluate_sequences takes a sequence objective such as loss::Gspo or "
                "loss::Kto: use evaluate for token objectives, evaluate_pairs for pairs");
  static_assert(
      token_sum_is_filled<F>,
      "hone: this objective reads token_sum and has no token stage to sum: write a member "
      "`template <class T> T token(const TokenInputs<T>& t) const`, and in a wrapper one "
      "that returns the wrapped objective's token(t)");
  detail::check_batch<F>(batch, out);
  require(static_cast<std::int64_t>(weights.size()) == batch.size(), "loss: there are ",
          weights.size(), " weights for ", batch.size(), " sequences");
  OrderFreeSum<> total;
  for (std::int64_t s = 0; s < batch.size(); ++s) {
    const double weight = weights[static_cast<std::size_t>(s)];
    if (weight == 0) continue;
    const SequenceInputs<double> sums = detail::sum_sequence(f, batch, s);
    if (sums.length == 0) continue;
    auto result = differentiate(f, sums);
    total.add(product(weight, result.value));
    result.slope.each([&](double& d) { d = product(d, weight); }, result.slope);
    detail::spread(f, batch, s, result.slope, out);
  }
  return total;
}

// What a batch of pairs gave.
struct PairResult {
  OrderFreeSum<> loss;       // sum of weight * f
  std::int64_t pairs = 0;    // evaluated: both sides have tokens
  std::int64_t correct = 0;  // of those, the ones with the chosen side ahead
};

// Sum over pairs of weight * f(pair); adds its derivative by each token's log-probability (and
// entropy) to `out`. A pair with an empty side is left out. f is of level pair. A pair counts as
// correct if log pi - log ref (log pi per token, if f reads no reference) is larger for `chosen`.
template <class F>
PairResult evaluate_pairs(const F& f, const SequenceBatch& batch, std::span<const Pair> pairs,
                          const TokenInputs<Derivative>& out) {
  static_assert(level_of<F> == Level::pair,
                "hone: evaluate_pairs takes a pair objective such as loss::Dpo or loss::SimPo");
  static_assert(
      token_sum_is_filled<F>,
      "hone: this objective reads token_sum and has no token stage to sum: write a member "
      "`template <class T> T token(const TokenInputs<T>& t) const`, and in a wrapper one "
      "that returns the wrapped objective's token(t)");
  detail::check_batch<F>(batch, out);
  std::vector<SequenceInputs<double>> sums(static_cast<std::size_t>(batch.size()));
  std::vector<SequenceInputs<double>> slopes(sums.size());
  for (std::size_t s = 0; s < sums.size(); ++s)
    sums[s] = detail::sum_sequence(f, batch, static_cast<std::int64_t>(s));

  constexpr SequenceInputs<bool> read = detail::sequence_reads<F>();
  const auto ahead = [&](const SequenceInputs<double>& s) {
    return read.ref_logprob ? s.logprob - s.ref_logprob : s.logprob / s.length;
  };
  PairResult result;
  for (const Pair& pair : pairs) {
    require(pair.chosen >= 0 && pair.chosen < batch.size() && pair.rejected >= 0 &&
                pair.rejected < batch.size(),
            "loss: a pair names the sequences ", pair.chosen, " and ", pair.rejected,
            ", expected numbers below ", batch.size());
    const auto c = static_cast<std::size_t>(pair.chosen);
    const auto r = static_cast<std::size_t>(pair.rejected);
    if (pair.weight == 0 || sums[c].length == 0 || sums[r].length == 0) continue;
    const auto d = differentiate(f, PairInputs<double>{sums[c], sums[r], pair.margin});
    const double weight = pair.weight;
    result.loss.add(product(weight, d.value));
    result.pairs += 1;
    result.correct += ahead(sums[c]) > ahead(sums[r]);
    const auto add = [&](double& to, double from) { to += product(weight, from); };
    slopes[c].each(add, slopes[c], d.slope.chosen);
    slopes[r].each(add, slopes[r], d.slope.rejected);
  }
  for (std::size_t s = 0; s < sums.size(); ++s)
    detail::spread(f, batch, static_cast<std::int64_t>(s), slopes[s], out);
  return result;
}

}  // namespace loss
}  // namespace v0
}  // namespace hone
