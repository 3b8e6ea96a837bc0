// Rollouts in words: what a reward of completions needs to judge sampled tokens.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/core/error.hpp"
#include "hone/data/batch.hpp"
#include "hone/data/loader.hpp"
#include "hone/data/prompt_info.hpp"
#include "hone/reward/function.hpp"
#include "hone/rollout/rollouts.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

// What is known of prompts, by the id of their tree.
using Prompts = std::unordered_map<std::uint64_t, data::PromptInfo>;

// The prompts of a batch that a loader gave.
inline Prompts prompts_of(const data::Loader& loader, const data::Batch& batch) {
  Prompts out;
  for (std::int64_t t = 0; t < batch.forest.trees(); ++t) {
    const auto root = static_cast<std::size_t>(batch.forest.roots()[static_cast<std::size_t>(t)]);
    data::PromptInfo info = loader.info(batch.picks[static_cast<std::size_t>(t)]);
    const auto [known, fresh] = out.emplace(batch.forest.segments()[root].id, info);
    require(fresh || known->second == info, "reward::prompts_of: tree ", t,
            " of the batch has the id of another prompt, expected one of its own: set Record::id");
  }
  return out;
}

// Every answer of the rollouts, in their order. `decode` turns tokens into text without special
// tokens, std::string(std::span<const Token>). The text holds what the environment wrote too, the
// tokens only what was sampled. A prompt that `prompts` does not know is decoded.
template <class Decode>
std::vector<Completion> completions(const rollout::Rollouts& rollouts, const Decode& decode,
                                    const Prompts& prompts = {}) {
  std::vector<Completion> out;
  std::int32_t group = -1, index = 0;
  for (std::size_t s = 0; s < rollouts.segments.size(); ++s) {
    index = rollouts.groups[s] == group ? index + 1 : 0;
    group = rollouts.groups[s];
    const std::int32_t root = rollouts.forest.roots()[static_cast<std::size_t>(group)];
    Completion c{.text = decode(rollouts.forest.tokens(rollouts.segments[s])),
                 .finish = rollouts.finish[s],
                 .id = rollouts.forest.segments()[static_cast<std::size_t>(root)].id,
                 .index = index};
    const auto tokens = rollouts.forest.tokens(rollouts.segments[s]);
    for (std::size_t t = 0; t < tokens.size(); ++t)
      if (rollouts.mask[static_cast<std::size_t>(rollouts.offsets[s]) + t])
        c.tokens.push_back(tokens[t]);
    if (const auto known = prompts.find(c.id); known != prompts.end()) {
      c.prompt = known->second.text;
      c.messages = known->second.messages;
      c.columns = known->second.columns;
    } else {
      c.prompt = decode(rollouts.forest.tokens(root));
    }
    out.push_back(std::move(c));
  }
  return out;
}

// A reward of completions as a reward of rollouts, for a trainer. It remembers the last batch, for
// tables of samples, and owns the reward's state.
//
//     reward::OnText judge{NumberAnswer{}, decode};
//     judge.prompts = reward::prompts_of(loader, batch);
//     trainer.step(requests);   // calls judge(rollouts)
//
// A reward that is a Sum gives its parts beside the scores, as a Breakdown.
template <class R, class Decode>
class OnText {
 public:
  OnText(R reward, Decode decode) : reward_(std::move(reward)), decode_(std::move(decode)) {}

  auto operator()(const rollout::Rollouts& rollouts) {
    completions_ = completions(rollouts, decode_, prompts);
    if constexpr (requires { reward_.breakdown(completions_, state_); }) {
      auto breakdown = reward_.breakdown(completions_, state_);
      scores_ = breakdown.scores;
      return breakdown;
    } else {
      scores_ = evaluate(reward_, completions_, state_);
      return scores_;
    }
  }

  std::span<const Completion> last() const { return completions_; }
  std::span<const float> scores() const { return scores_; }
  State<R>& state() { return state_; }
  const R& reward() const { return reward_; }

  Prompts prompts = {};  // of the step to come

 private:
  R reward_;
  Decode decode_;
  State<R> state_{};
  std::vector<Completion> completions_;
  std::vector<float> scores_;
};

}  // namespace reward
}  // namespace v0
}  // namespace hone
