// Rollouts with everything that an update reads: scores, log-probabilities, values, advantages.
//
// A column that a composition does not need is no member of its experience: without a critic there
// are neither values nor returns, without a reference no log-probabilities of one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/algorithm.hpp"
#include "hone/train/head_rows.hpp"
#include "hone/train/part.hpp"
#include "hone/train/trunk.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// What a critic adds.
struct CriticColumns {
  std::vector<float> values;     // [R] V before each token
  std::vector<float> bootstrap;  // [S] V after the last token
  std::vector<float> returns;    // [R] what the critic should predict
};

// What a reference adds.
struct ReferenceColumns {
  std::vector<float> ref_logprobs;  // [R] under the reference
  kl::Observed distance = {};       // of the actor to it
};

// What the greedy answer to each prompt adds.
struct GreedyColumns {
  std::vector<float> greedy_scores;  // [S] of the greedy answer to its prompt
};

// What an advantage of a reward's parts adds.
struct ComponentColumns {
  std::vector<float> score_components;  // [S, K] the parts of a score, before their weights
};

// Of an Algorithm<...>.
template <class Composition>
struct Experience : part_if<needs_critic<Composition>, CriticColumns>,
                    part_if<needs_reference<Composition>, ReferenceColumns>,
                    part_if<needs_greedy_baseline<Composition>, GreedyColumns>,
                    part_if<needs_score_components<Composition>, ComponentColumns> {
  rollout::Rollouts rollouts;
  std::vector<float> old_logprobs;   // [R] under the actor as the update began; empty: the actor
                                     // was the sampler, and they are the rollout's bit for bit
  std::vector<float> scores;         // [S] of whole answers, as the reward gave them
  std::vector<float> token_rewards;  // [R] score on the last sampled token, minus any KL penalty
  std::vector<float> advantages;     // [R]
  std::int64_t trunk_layers = 0;     // layers that all networks share and none of them trains
  std::vector<float> trunk_states;   // [T, hidden] the residual stream after them

  Trunk trunk() const { return {trunk_layers, trunk_states}; }

  // [R] log-probabilities under the actor as the update began.
  std::span<const float> actor_logprobs() const {
    return old_logprobs.empty() ? rollouts.logprobs : old_logprobs;
  }

  // The named trees, in that order.
  Experience pick(std::span<const std::int64_t> trees) const {
    const auto rows = [&](const std::vector<float>& all) {
      return all.empty() ? all : rollouts.pick_rows<float>(trees, all);
    };
    const auto answers = [&](const std::vector<float>& all) {
      return all.empty() ? all : rollouts.pick_answers<float>(trees, all);
    };
    Experience out;
    out.rollouts = rollouts.pick(trees);
    out.old_logprobs = rows(old_logprobs);
    out.scores = answers(scores);
    out.token_rewards = rows(token_rewards);
    out.advantages = rows(advantages);
    out.trunk_layers = trunk_layers;
    out.trunk_states = tokens(trees, trunk_states);
    if constexpr (needs_critic<Composition>) {
      out.values = rows(this->values);
      out.bootstrap = answers(this->bootstrap);
      out.returns = rows(this->returns);
    }
    if constexpr (needs_reference<Composition>) out.ref_logprobs = rows(this->ref_logprobs);
    if constexpr (needs_greedy_baseline<Composition>)
      out.greedy_scores = answers(this->greedy_scores);
    if constexpr (needs_score_components<Composition>) {
      const std::size_t answers_here = scores.size();
      const std::size_t width =
          answers_here == 0 ? 0 : this->score_components.size() / answers_here;
      for (const std::int64_t t : trees)
        out.score_components.insert(
            out.score_components.end(),
            this->score_components.begin() +
                rollouts.first_answer(t) * static_cast<std::int64_t>(width),
            this->score_components.begin() +
                rollouts.first_answer(t + 1) * static_cast<std::int64_t>(width));
    }
    return out;
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
