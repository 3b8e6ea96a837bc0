// Rollouts with everything that an update reads: scores, log-probabilities, values, advantages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/head_rows.hpp"
#include "hone/train/trunk.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct Experience {
  rollout::Rollouts rollouts;
  std::vector<float> scores;         // [S] of whole answers, as the reward gave them
  std::vector<float> greedy_scores;  // [S] of the greedy answer to its prompt; empty: not needed
  std::vector<float> ref_logprobs;   // [R] under the reference; empty: the algorithm needs none
  std::vector<float> values;         // [R] V before each token; empty: no critic
  std::vector<float> bootstrap;      // [S] V after the last token; empty: no critic
  std::vector<float> token_rewards;  // [R] score on the last sampled token, minus any KL penalty
  std::vector<float> advantages;     // [R]
  std::vector<float> returns;        // [R] what the critic should predict
  kl::Observed distance = {};        // of the actor to the reference, where there is one
  std::int64_t trunk_layers = 0;     // layers that all networks share and none of them trains
  std::vector<float> trunk_states;   // [T, hidden] the residual stream after them

  Trunk trunk() const { return {trunk_layers, trunk_states}; }

  // The named trees, in that order.
  Experience pick(std::span<const std::int64_t> trees) const {
    const auto rows = [&](const std::vector<float>& all) {
      return all.empty() ? all : rollouts.pick_rows<float>(trees, all);
    };
    const auto answers = [&](const std::vector<float>& all) {
      return all.empty() ? all : rollouts.pick_answers<float>(trees, all);
    };
    return {.rollouts = rollouts.pick(trees),
            .scores = answers(scores),
            .greedy_scores = answers(greedy_scores),
            .ref_logprobs = rows(ref_logprobs),
            .values = rows(values),
            .bootstrap = answers(bootstrap),
            .token_rewards = rows(token_rewards),
            .advantages = rows(advantages),
            .returns = rows(returns),
            .trunk_layers = trunk_layers,
            .trunk_states = tokens(trees, trunk_states)};
  }

  // Trees [first, last): a micro-batch.
  Experience slice(std::int64_t first, std::int64_t last) const {
    std::vector<std::int64_t> trees;
    for (std::int64_t t = first; t < last; ++t) trees.push_back(t);
    return pick(trees);
  }

 private:
  // A [T, width] array of the picked trees.
  std::vector<float> tokens(std::span<const std::int64_t> trees,
                            const std::vector<float>& all) const {
    if (all.empty()) return {};
    const auto width = static_cast<std::int64_t>(all.size()) / rollouts.forest.size();
    std::vector<float> out;
    for (const std::int64_t t : trees)
      out.insert(out.end(), all.begin() + rollouts.forest.tree_begin(t) * width,
                 all.begin() + rollouts.forest.tree_begin(t + 1) * width);
    return out;
  }
};

// The head's rows of all tokens of all answers, [R]. Every one has a predecessor: prompts are never
// empty.
inline HeadRows answer_rows(const rollout::Rollouts& r) {
  HeadRows rows;
  for (const std::int32_t s : r.segments) {
    const Segment& segment = r.forest.segments()[static_cast<std::size_t>(s)];
    for (std::int64_t t = segment.begin; t < segment.end(); ++t) rows.add(r.forest, s, t);
  }
  return rows;
}

// Cuts trees into runs of at most `tokens` tokens, a longer tree alone; calls f(first, last).
template <class F>
void for_each_microbatch(const Forest& forest, std::int64_t tokens, F&& f) {
  for (std::int64_t first = 0; first < forest.trees();) {
    std::int64_t last = first + 1;
    while (last < forest.trees() &&
           forest.tree_begin(last + 1) - forest.tree_begin(first) <= tokens)
      ++last;
    f(first, last);
    first = last;
  }
}

// Puts each answer's score on its last sampled token.
inline void place_scores(const rollout::Rollouts& r, std::span<const float> scores,
                         std::span<float> token_rewards) {
  for (std::int64_t s = 0; s < r.answers(); ++s)
    for (std::int64_t t = r.offsets[static_cast<std::size_t>(s) + 1];
         t-- > r.offsets[static_cast<std::size_t>(s)];)
      if (r.mask[static_cast<std::size_t>(t)]) {
        token_rewards[static_cast<std::size_t>(t)] += scores[static_cast<std::size_t>(s)];
        break;
      }
}

}  // namespace train
}  // namespace v0
}  // namespace hone
