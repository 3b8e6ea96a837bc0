// How the losses of tokens become one number: loss = sum over tokens of weight * loss_t
//
// An aggregation is a policy `float operator()(const Counts& batch, std::int64_t length) const`:
// the weight of each sampled token of a sequence with `length` of them. The counts are those of the
// whole optimiser batch, over all micro-batches and processes, so how the batch was split changes
// nothing. First count, then weigh:
//
//   Counts counts;                                    // once per optimiser batch
//   for (micro-batch) counts.add(offsets, mask);      // and counts.add(other) across processes
//   for (micro-batch) token_weights(TokenMean{}, counts, offsets, mask, weights);
//
// A loss of whole sequences has no tokens to weigh: it takes an aggregation that also says the
// weight of a sequence, `float sequence(const Counts& batch) const`. GSPO (eq. 5), GMPO (eq. 4) and
// RLOO are means over sequences, so of the three here that is SequenceMean.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include "hone/core/config.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

// Sampled tokens in [begin, end).
inline std::int64_t sampled(std::span<const std::uint8_t> mask, std::int64_t begin,
                            std::int64_t end) {
  if (mask.empty()) return end - begin;
  std::int64_t n = 0;
  for (std::int64_t t = begin; t < end; ++t) n += mask[static_cast<std::size_t>(t)] != 0;
  return n;
}

// Sequence s has the tokens [offsets[s], offsets[s + 1]); mask[t] != 0: sampled, an empty mask:
// all.
struct Counts {
  std::int64_t tokens = 0;     // sampled tokens
  std::int64_t sequences = 0;  // sequences with at least one
  std::int64_t empty = 0;      // sequences without
  std::int64_t cut_off = 0;    // of those with a token: they did not end by themselves

  // `truncated` [S] says which sequences were cut off; empty: none.
  void add(std::span<const std::int64_t> offsets, std::span<const std::uint8_t> mask,
           std::span<const std::uint8_t> truncated = {}) {
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      const std::int64_t n = sampled(mask, offsets[s], offsets[s + 1]);
      tokens += n;
      ++(n > 0 ? sequences : empty);
      cut_off += n > 0 && !truncated.empty() && truncated[s] != 0;
    }
  }
  void add(const Counts& other) {
    tokens += other.tokens;
    sequences += other.sequences;
    empty += other.empty;
    cut_off += other.cut_off;
  }
  bool operator==(const Counts&) const = default;
};

// 1 / tokens of the batch: every token counts the same (DAPO, verl's token-mean).
struct TokenMean {
  float operator()(const Counts& batch, std::int64_t) const {
    return static_cast<float>(1.0 / static_cast<double>(batch.tokens));
  }
  bool operator==(const TokenMean&) const = default;
};

// 1 / (sequences * length): every sequence counts the same (GRPO's paper). An empty sequence is not
// counted (verl), or is with the loss 0 (TRL).
struct SequenceMean {
  bool count_empty = false;

  float operator()(const Counts& batch, std::int64_t length) const {
    const std::int64_t n = batch.sequences + (count_empty ? batch.empty : 0);
    return static_cast<float>(1.0 / (static_cast<double>(n) * static_cast<double>(length)));
  }
  float sequence(const Counts& batch) const {
    const std::int64_t n = batch.sequences + (count_empty ? batch.empty : 0);
    return static_cast<float>(1.0 / static_cast<double>(n));
  }
  bool operator==(const SequenceMean&) const = default;
};

// An aggregation that losses of whole sequences can have.
template <class A>
concept WeighsSequences = requires(const A& a, const Counts& batch) {
  { a.sequence(batch) } -> std::convertible_to<float>;
};

// 1 / (sequences * max_length): sums over tokens, one divisor for all (Dr. GRPO: Liu et al.,
// "Understanding R1-Zero-like training", 2025). An empty sequence counts, as in TRL.
struct FixedLength {
  float max_length = 512;
  bool count_empty = true;

  float operator()(const Counts& batch, std::int64_t) const {
    const std::int64_t n = batch.sequences + (count_empty ? batch.empty : 0);
    return static_cast<float>(1.0 / (static_cast<double>(n) * max_length));
  }
  bool operator==(const FixedLength&) const = default;
};

// weights[t] of each sampled token, 0 of the others.
template <class Aggregation>
void token_weights(const Aggregation& aggregation, const Counts& batch,
                   std::span<const std::int64_t> offsets, std::span<const std::uint8_t> mask,
                   std::span<float> weights) {
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const std::int64_t length = sampled(mask, offsets[s], offsets[s + 1]);
    const float w = length > 0 ? aggregation(batch, length) : 0.0f;
    for (std::int64_t t = offsets[s]; t < offsets[s + 1]; ++t) {
      const auto i = static_cast<std::size_t>(t);
      weights[i] = mask.empty() || mask[i] != 0 ? w : 0.0f;
    }
  }
}

// weights[s] of a sequence objective, 0 of the sequences that are empty.
template <WeighsSequences Aggregation>
void sequence_weights(const Aggregation& aggregation, const Counts& batch,
                      std::span<const std::int64_t> offsets, std::span<const std::uint8_t> mask,
                      std::span<float> weights) {
  const float w = batch.sequences > 0 ? aggregation.sequence(batch) : 0.0f;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s)
    weights[s] = sampled(mask, offsets[s], offsets[s + 1]) > 0 ? w : 0.0f;
}

}  // namespace loss
}  // namespace v0
}  // namespace hone
