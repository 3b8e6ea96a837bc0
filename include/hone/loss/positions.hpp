// Which scores of a chosen and a rejected answer a reward model's loss compares
//
//   end_scores        one comparison, of the scores at the last tokens: InstructGPT, TRL, OpenRLHF
//   from_divergence   one at every position from the first token in which the answers differ to the
//                     end of the longer one, averaged over them: DeepSpeed-Chat. Equal answers are
//                     compared at their last position only.
//
// Where one answer is shorter, its last score stands for the positions that it does not have. (The
// padded original scores the padding tokens there, which is a number without a meaning.)
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/loss/evaluate.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

// One comparison of two rows of the reward model's scores.
struct ScorePair {
  std::int64_t chosen = 0, rejected = 0;
  float margin = 0;
  float weight = 0;
};

// The rows that hold the scores of a sequence's tokens, prompt and answer, in order.
struct ScoredSequence {
  std::span<const Token> tokens;       // [L]
  std::span<const std::int64_t> rows;  // [L]
};

// A policy: which comparisons a pair of answers gives. `weight` is that of the
// whole pair.
struct EndScores {
  void operator()(const ScoredSequence& chosen, const ScoredSequence& rejected, float margin,
                  float weight, std::vector<ScorePair>& out) const {
    require(!chosen.rows.empty() && !rejected.rows.empty(),
            "loss: an answer of a pair has no token, expected at least one with its prompt");
    out.push_back({chosen.rows.back(), rejected.rows.back(), margin, weight});
  }
  bool operator==(const EndScores&) const = default;
};

struct FromDivergence {
  void operator()(const ScoredSequence& chosen, const ScoredSequence& rejected, float margin,
                  float weight, std::vector<ScorePair>& out) const {
    require(!chosen.rows.empty() && !rejected.rows.empty(),
            "loss: an answer of a pair has no token, expected at least one with its prompt");
    const std::size_t c = chosen.rows.size(), r = rejected.rows.size();
    const std::size_t end = std::max(c, r);
    std::size_t first = 0;
    while (first < std::min(c, r) && chosen.tokens[first] == rejected.tokens[first]) ++first;
    if (first == end) first = end - 1;
    const float share = weight / static_cast<float>(end - first);
    for (std::size_t i = first; i < end; ++i)
      out.push_back(
          {chosen.rows[std::min(i, c - 1)], rejected.rows[std::min(i, r - 1)], margin, share});
  }
  bool operator==(const FromDivergence&) const = default;
};

// Sum over comparisons of weight * f(scores); adds its derivative by each score to `out`, in the
// order of the comparisons. f is of level score.
template <class F>
OrderFreeSum<> evaluate_scores(const F& f, Column scores, std::span<const ScorePair> pairs,
                               Derivative out) {
  static_assert(level_of<F> == Level::score,
                "hone: evaluate_scores takes an objective of reward-model scores such as "
                "loss::BradleyTerry");
  require(out.empty() || out.size() == scores.size(), "loss: there are ", out.size(),
          " derivatives for ", scores.size(), " scores");
  const auto rows = static_cast<std::int64_t>(scores.size());
  std::vector<float> chosen, rejected, margin, weight;
  for (const ScorePair& p : pairs) {
    require(p.chosen >= 0 && p.chosen < rows && p.rejected >= 0 && p.rejected < rows,
            "loss: a comparison names the scores ", p.chosen, " and ", p.rejected,
            ", expected numbers below ", rows);
    chosen.push_back(scores[static_cast<std::size_t>(p.chosen)]);
    rejected.push_back(scores[static_cast<std::size_t>(p.rejected)]);
    margin.push_back(p.margin);
    weight.push_back(p.weight);
  }
  std::vector<float> by_chosen(pairs.size()), by_rejected(pairs.size());
  const auto total = evaluate(f, {.chosen = chosen, .rejected = rejected, .margin = margin}, weight,
                              {.chosen = by_chosen, .rejected = by_rejected});
  if (!out.empty())
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      out[static_cast<std::size_t>(pairs[i].chosen)] += by_chosen[i];
      out[static_cast<std::size_t>(pairs[i].rejected)] += by_rejected[i];
    }
  return total;
}

}  // namespace loss
}  // namespace v0
}  // namespace hone
