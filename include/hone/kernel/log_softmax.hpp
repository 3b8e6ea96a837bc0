// One row of logits as a distribution: largest logit, log-sum-exp, entropy, log-probabilities.
//
//   s_v     = z_v / temperature
//   max     = largest s_v, exactly
//   sum     = sum over v of exp(s_v - max)        16 lanes (lane = v % 16), each a chain over v
//                                                 ascending, then the one tree over the lanes
//   logprob = s_v - max - log(sum)
//   entropy = log(sum) - (sum over v of exp(s_v - max) (s_v - max)) / sum
//
// The soft cap of Gemma 2 belongs to the logits: they are capped (SoftCap of kernel/activation.hpp)
// before they come here. The fused head (kernel/head_pass.hpp) sums in the same order, so what a
// sampler reports and what training computes are equal. A logit of -infinity has probability 0.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "hone/core/math.hpp"
#include "hone/core/pack.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

struct LogSoftmaxRow {
  float max = 0.0f;      // of z / temperature
  float sum = 1.0f;      // of exp(z / temperature - max)
  float log_sum = 0.0f;  // log of that
  float entropy = 0.0f;  // in nats; 0 unless it was asked for
  float temperature = 1.0f;
};

// log softmax(z / temperature) of the element whose logit is z.
inline float logprob(const LogSoftmaxRow& row, float z) {
  return z / row.temperature - row.max - row.log_sum;
}

namespace detail {

// Sixteen logits; those past the vocabulary, of which `left` are left, are -infinity.
[[gnu::always_inline]] inline pack load_logits(const float* z, std::int64_t left) {
  if (left >= 16) return pack::load(z);
  const int count = static_cast<int>(left);
  return select(pack_mask::first(count), pack::load(z, count),
                pack(-std::numeric_limits<float>::infinity()));
}

// Adds sixteen logits to a row's sums. Dividing by a temperature of 1 changes nothing and is left
// out.
template <bool Entropy, bool Divide>
[[gnu::always_inline]] inline void add_logits(pack z, pack temperature, pack top, pack& total,
                                              pack& weighted) {
  const pack d = (Divide ? z / temperature : z) - top;
  const pack e = exp(d);
  total += e;
  // Where e is 0, d may be -infinity: their product counts as 0.
  if constexpr (Entropy) weighted = fma(e, max(d, pack(-128.0f)), weighted);
}

// log p - log q up to the difference of their log sums, from logits less their largest. Bounded, so
// that it counts 0 where p is 0, past the end of the vocabulary included.
[[gnu::always_inline]] inline pack log_ratio_of(pack shifted, pack q_shifted) {
  return max(shifted, pack(-128.0f)) - max(q_shifted, pack(std::numeric_limits<float>::lowest()));
}

// Adds sixteen logits of p and of q to q's sum and to sum over v of exp(s_v - max) log_ratio_of.
template <bool Divide>
[[gnu::always_inline]] inline void add_divergence(pack z, pack q, pack temperature, pack top,
                                                  pack q_top, pack& q_total, pack& apart) {
  const pack d = (Divide ? z / temperature : z) - top;
  const pack e = (Divide ? q / temperature : q) - q_top;
  q_total += exp(e);
  apart = fma(exp(d), log_ratio_of(d, e), apart);
}

template <bool Entropy>
LogSoftmaxRow finish_row(float top, float temperature, pack total, pack weighted) {
  LogSoftmaxRow row;
  row.max = top;
  row.temperature = temperature;
  row.sum = sum(total);
  row.log_sum = log(row.sum);
  if constexpr (Entropy) row.entropy = row.log_sum - sum(weighted) / row.sum;
  return row;
}

}  // namespace detail

// The statistics of a row z [vocab]; the entropy only if `Entropy`.
template <bool Entropy = false>
LogSoftmaxRow log_softmax_stats(const float* z, std::int64_t vocab, float temperature = 1.0f) {
  pack largest(-std::numeric_limits<float>::infinity());
  for (std::int64_t v = 0; v < vocab; v += 16)
    largest = max(largest, detail::load_logits(z + v, vocab - v));
  const float top = max_lane(largest) / temperature + 0.0f;  // no negative zero
  pack total(0.0f), weighted(0.0f);
  const auto add_all = [&](auto divide) {
    for (std::int64_t v = 0; v < vocab; v += 16)
      detail::add_logits<Entropy, divide>(detail::load_logits(z + v, vocab - v), pack(temperature),
                                          pack(top), total, weighted);
  };
  if (temperature == 1.0f)
    add_all(std::false_type{});
  else
    add_all(std::true_type{});
  return detail::finish_row<Entropy>(top, temperature, total, weighted);
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
