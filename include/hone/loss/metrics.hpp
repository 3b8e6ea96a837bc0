// What a policy update did, in numbers with one definition each
//
//   policy/approx_kl      mean of r - 1 - log r: KL(pi_old, pi), never negative
//   policy/ratio_mean     mean of r = pi(a_t) / pi_old(a_t)
//   policy/clip_fraction  share of tokens with A != 0 whose policy loss has no gradient
//   policy/entropy        mean entropy
//
// Without gradient are, for PpoClip, the tokens whose clipped term is the smaller one, for Dppo
// those that are dropped.
// Means are over sampled tokens. The sums are free of order: micro-batches and processes add up to
// the same bits however the batch was split.
#pragma once

#include <bit>
#include <cstdint>

#include "hone/core/differentiate.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/loss/evaluate.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct PolicyMetrics {
  using Sum = OrderFreeSum<-16>;
  Sum approx_kl, ratio, entropy;
  std::int64_t tokens = 0;
  std::int64_t clipped = 0;
  std::int64_t clippable = 0;  // A != 0

  void add(const PolicyMetrics& other) {
    approx_kl.add(other.approx_kl);
    ratio.add(other.ratio);
    entropy.add(other.entropy);
    tokens += other.tokens;
    clipped += other.clipped;
    clippable += other.clippable;
  }
  double approx_kl_mean() const { return mean(approx_kl); }
  double ratio_mean() const { return mean(ratio); }
  double entropy_mean() const { return mean(entropy); }
  double clip_fraction() const {
    return clippable > 0 ? static_cast<double>(clipped) / static_cast<double>(clippable) : 0;
  }

 private:
  double mean(const Sum& s) const {
    return tokens > 0 ? s.value() / static_cast<double>(tokens) : 0;
  }
};

// Of the tokens with weight != 0. `f` is the policy loss alone, without KL and entropy terms; one
// of level sequence gives no clip fraction. Reads logprob and old_logprob (equal to logprob if
// empty), the columns that f reads, and entropy if it is there.
template <class F>
PolicyMetrics policy_metrics(const F& f, const TokenInputs<Column>& columns, Column weights) {
  PolicyMetrics m;
  const auto rows = static_cast<std::int64_t>(weights.size());
  for (std::int64_t row = 0; row < rows; row += 16) {
    const int n = rows - row < 16 ? static_cast<int>(rows - row) : 16;
    const auto load = [&](const Column& c) {
      return c.empty() ? pack(0) : pack::load(c.data() + row, n);
    };
    const pack_mask counts = load(weights) != pack(0);
    const auto add = [&](PolicyMetrics::Sum& sum, const pack& x) {
      float lanes[16];
      select(counts, x, pack(0)).store(lanes);
      for (const float lane : lanes) sum.add(static_cast<double>(lane));
    };
    TokenInputs<pack> in;
    in.each([&](pack& to, const Column& c) { to = load(c); }, in, columns);
    if (columns.old_logprob.empty()) in.old_logprob = in.logprob;

    m.tokens += std::popcount(bits(counts));
    const pack log_ratio = in.logprob - in.old_logprob;
    const pack r_minus_1 = expm1(log_ratio);
    add(m.approx_kl, r_minus_1 - log_ratio);
    add(m.ratio, pack(1) + r_minus_1);
    add(m.entropy, in.entropy);
    if constexpr (level_of<F> == Level::token) {
      const pack_mask clippable = counts & (in.advantage != pack(0));
      m.clippable += std::popcount(bits(clippable));
      if constexpr (differentiates<F>.logprob)
        m.clipped +=
            std::popcount(bits(clippable & (differentiate(f, in).slope.logprob == pack(0))));
    }
  }
  return m;
}

}  // namespace loss
}  // namespace v0
}  // namespace hone
