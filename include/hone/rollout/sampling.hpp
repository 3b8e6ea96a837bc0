// Drawing one token from a row of logits.
//
// p = softmax(z / temperature). Truncation keeps the tokens that pass all of top-k, min-p and top-p
// (Holtzman et al. 2020, "The curious case of neural text degeneration", eq. 2 and 3; min-p: Nguyen
// et al. 2024) and renormalises. The draw inverts the cumulative sum, in the order of token ids, at
// a uniform number that is a function of (seed, step, sequence, position) alone.
//
// The log-probability that is reported is that of the whole softmax at the temperature, before
// truncation: the same function that training computes. Temperature 0 takes the largest logit (the
// smallest id among equals) and reports its log-probability at temperature 1.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/core/math.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/elementwise.hpp"
#include "hone/kernel/log_softmax.hpp"

namespace hone {
inline namespace v0 {
namespace rollout {

struct Sampling {
  float temperature = 1.0f;  // divides the logits; 0: greedy
  std::int32_t top_k = 0;    // keep the k most probable tokens; 0: all
  float top_p = 1.0f;        // keep the fewest most probable tokens of this mass
  float min_p = 0.0f;        // keep tokens at least this probable relative to the most probable
  bool operator==(const Sampling&) const = default;
};

inline void check(const Sampling& s) {
  require(s.temperature >= 0.0f && s.temperature <= 1e6f, "Sampling: temperature is ",
          s.temperature, ", expected a number of at least 0");
  require(s.top_k >= 0, "Sampling: top_k is ", s.top_k, ", expected at least 0 (0: all tokens)");
  require(s.top_p > 0.0f && s.top_p <= 1.0f, "Sampling: top_p is ", s.top_p,
          ", expected above 0 and at most 1");
  require(s.min_p >= 0.0f && s.min_p <= 1.0f, "Sampling: min_p is ", s.min_p,
          ", expected between 0 and 1");
}

struct Sampled {
  Token token = 0;
  float logprob = 0.0f;
};

namespace detail {

struct Candidate {
  float weight;  // p / p of the most probable token
  Token id;
};

// More probable first, smaller ids first among equals.
inline bool before(const Candidate& a, const Candidate& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

// The id of the largest logit, the smallest among equals; a NaN is below every number.
inline Token largest(std::span<const float> logits) {
  const auto n = static_cast<std::int64_t>(logits.size());
  pack most(-std::numeric_limits<float>::infinity());
  for (std::int64_t i = 0; i < n; i += 16)
    most = max(kernel::detail::load_logits(logits.data() + i, n - i), most);
  const float top = max_lane(most);
  for (std::int64_t i = 0; i < n; i += 16) {
    const int width = static_cast<int>(std::min<std::int64_t>(16, n - i));
    const pack_mask hits = kernel::detail::load_pack(logits.data() + i, width) == pack(top);
    if (const unsigned lanes = bits(hits & pack_mask::first(width)))
      return static_cast<Token>(i + std::countr_zero(lanes));
  }
  return 0;  // not a number among them
}

// The smallest id whose cumulative weight exceeds u times the total of `weights`. Whole packs are
// summed first, so that the search runs over vocab / 16 numbers and then over 16.
inline Token invert(std::span<const float> weights, float u) {
  const auto n = static_cast<std::int64_t>(weights.size()), packs = (n + 15) / 16;
  thread_local std::vector<float> sums;
  sums.resize(static_cast<std::size_t>(packs));
  double total = 0.0;
  for (std::int64_t p = 0; p < packs; ++p) {
    const int width = static_cast<int>(std::min<std::int64_t>(16, n - 16 * p));
    const float here = sum(kernel::detail::load_pack(weights.data() + 16 * p, width));
    sums[static_cast<std::size_t>(p)] = here;
    total += static_cast<double>(here);
  }
  double target = static_cast<double>(u) * total;
  double below = 0.0;
  std::int64_t p = 0;
  const auto sum_of = [&](std::int64_t i) {
    return static_cast<double>(sums[static_cast<std::size_t>(i)]);
  };
  while (p < packs && !(below + sum_of(p) > target)) below += sum_of(p++);
  if (p == packs) {  // rounding put the target past them all: the last token that has a weight
    target = std::numeric_limits<double>::infinity();
    do --p;
    while (p > 0 && !(sum_of(p) > 0.0));
    if (!(sum_of(p) > 0.0)) return 0;  // none has
  }
  std::int64_t token = 16 * p;
  for (std::int64_t i = token; i < std::min(n, 16 * p + 16); ++i) {
    const double w = static_cast<double>(weights[static_cast<std::size_t>(i)]);
    if (!(w > 0.0)) continue;
    token = i;
    below += w;
    if (below > target) break;
  }
  return static_cast<Token>(token);
}

// Sets the weight of every token outside the truncation to zero.
inline void truncate(const Sampling& s, std::span<float> weights) {
  if (s.min_p > 0.0f)
    for (float& w : weights)
      if (w < s.min_p) w = 0.0f;
  const bool by_rank = s.top_k > 0 && static_cast<std::size_t>(s.top_k) < weights.size();
  if (!by_rank && s.top_p >= 1.0f) return;
  std::vector<Candidate> kept;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (weights[i] > 0.0f) kept.push_back({weights[i], static_cast<Token>(i)});
  std::size_t count = kept.size();
  if (by_rank && static_cast<std::size_t>(s.top_k) < count) {
    count = static_cast<std::size_t>(s.top_k);
    std::nth_element(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(count), kept.end(),
                     before);
    // The order in which they are left is the standard library's own, and they are summed below.
    if (s.top_p < 1.0f)
      std::sort(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(count), before);
  }
  if (s.top_p < 1.0f) {
    double total = 0.0;
    for (std::size_t i = 0; i < count; ++i) total += static_cast<double>(kept[i].weight);
    // Most nuclei are small: sort growing heads of the list until the mass is reached.
    double mass = 0.0;
    std::size_t sorted = 0, nucleus = 0;
    while (nucleus < count && mass < static_cast<double>(s.top_p) * total) {
      if (nucleus == sorted) {
        sorted = std::min(count, std::max<std::size_t>(64, 4 * sorted));
        std::partial_sort(kept.begin() + static_cast<std::ptrdiff_t>(nucleus),
                          kept.begin() + static_cast<std::ptrdiff_t>(sorted),
                          kept.begin() + static_cast<std::ptrdiff_t>(count), before);
      }
      mass += static_cast<double>(kept[nucleus++].weight);
    }
    count = std::max<std::size_t>(1, nucleus);
  }
  std::fill(weights.begin(), weights.end(), 0.0f);
  for (std::size_t i = 0; i < count; ++i)
    weights[static_cast<std::size_t>(kept[i].id)] = kept[i].weight;
}

// A logit that is not a number makes the sum of the row none.
inline const kernel::LogSoftmaxRow& checked(const kernel::LogSoftmaxRow& row) {
  require(row.sum - row.sum == 0.0f, "sample: a logit is nan, expected a finite number");
  return row;
}

}  // namespace detail

// Draws a token from `logits` [vocab] (after any soft cap; overwritten). Throws when a logit is NaN
// or +infinity, or when none is finite; -infinity has probability 0.
inline Sampled sample(const Sampling& s, std::span<float> logits, const RandomKey& key) {
  const auto vocab = static_cast<std::int64_t>(logits.size());
  const Token best = detail::largest(logits);
  const float top = logits[static_cast<std::size_t>(best)];
  require(top - top == 0.0f, "sample: the largest logit is ", top, ", expected a finite number");
  if (s.temperature == 0.0f)
    return {best,
            kernel::logprob(detail::checked(kernel::log_softmax_stats(logits.data(), vocab)), top)};

  const pack scale(1.0f / s.temperature), shift(top);
  pack total(0.0f);
  thread_local std::vector<float> weights;
  weights.resize(logits.size());
  for (std::int64_t i = 0; i < vocab; i += 16) {
    const pack w = exp((kernel::detail::load_logits(logits.data() + i, vocab - i) - shift) * scale);
    kernel::detail::store_pack(w, weights.data() + i,
                               static_cast<int>(std::min<std::int64_t>(16, vocab - i)));
    total += w;
  }
  // At temperature 1 the weights are the terms of the softmax's sum, in its order.
  const auto row = s.temperature == 1.0f
                       ? kernel::detail::finish_row<false>(top + 0.0f, 1.0f, total, pack(0.0f))
                       : kernel::log_softmax_stats(logits.data(), vocab, s.temperature);
  detail::checked(row);
  detail::truncate(s, weights);
  const Token token = detail::invert(weights, uniform(key));
  return {token, kernel::logprob(row, logits[static_cast<std::size_t>(token)])};
}

}  // namespace rollout
}  // namespace v0
}  // namespace hone
