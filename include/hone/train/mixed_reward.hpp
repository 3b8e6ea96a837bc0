// Trained networks and rewards of completions in one reward: weighted sums, clips, running norms,
// length penalties.
//
//   train::MixedReward judge{
//       reward::Sum{
//           reward::Named{"model", 1.0f, reward::RunningNorm{train::RewardModel{scalar_model}}},
//           reward::Named{"brevity", 0.1f, reward::Overlong{.max_tokens = 64, .buffer = 16}}},
//       decode};
//   OnlineTrainer trainer{actor, critic, std::ref(judge), algorithm, options};
//
// Sum, Clip and RunningNorm are those of rewards of completions, and so are their metrics; a part
// is given what it judges: completions, or as RewardModel the rollouts. The state of all parts is
// the trainer's to checkpoint, and networks begin where a shared trunk ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/core/forest.hpp"
#include "hone/reward/completions.hpp"
#include "hone/reward/function.hpp"
#include "hone/reward/sum.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/networks.hpp"
#include "hone/train/trunk.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// The same answers in words and as rollouts.
struct Answers {
  std::span<const Completion> completions;  // [S]
  const rollout::Rollouts* rollouts = nullptr;
  Trunk trunk = {};  // of the rollouts' forest, for networks that for_each_network shows

  std::size_t size() const { return completions.size(); }

  // What a reward says of them.
  template <class R>
  friend std::vector<float> evaluate(const R& judge, const Answers& answers,
                                     reward::State<R>& state) {
    if constexpr (reward::detail::per_completion<R>) {
      return reward::evaluate(judge, answers.completions, state);
    } else if constexpr (requires { judge(answers, state); }) {
      Answers given = answers;
      if constexpr (!ShowsParts<const R> && !ShowsInner<const R>) given.trunk = {};
      return checked(judge(given, state), answers);
    } else if constexpr (HasNetwork<const R> &&
                         requires { judge(*answers.rollouts, answers.trunk); }) {
      return checked(judge(*answers.rollouts, answers.trunk), answers);
    } else if constexpr (requires { judge(*answers.rollouts)[0]; }) {
      return checked(judge(*answers.rollouts), answers);
    } else {
      return reward::evaluate(judge, answers.completions, state);
    }
  }

 private:
  static std::vector<float> checked(std::vector<float> scores, const Answers& answers) {
    reward::check_scores(scores, answers.completions);
    return scores;
  }
};

// For rewards that read no text.
struct NoText {
  std::string operator()(std::span<const Token>) const { return {}; }
};

// A reward of all that as a reward of rollouts, for a trainer. It remembers the last batch, for
// tables of samples, and owns the state. A reward that is a Sum gives its parts beside the scores.
template <class R, class Decode = NoText>
class MixedReward {
 public:
  explicit MixedReward(R judge, Decode decode = {})
      : reward_(std::move(judge)), decode_(std::move(decode)) {}

  auto operator()(const rollout::Rollouts& rollouts, const Trunk& trunk = {}) {
    completions_ = reward::completions(rollouts, decode_, prompts);
    const Answers answers{.completions = completions_, .rollouts = &rollouts, .trunk = trunk};
    if constexpr (requires { reward_.breakdown(answers, state_); }) {
      auto breakdown = reward_.breakdown(answers, state_);
      scores_ = breakdown.scores;
      return breakdown;
    } else {
      scores_ = evaluate(reward_, answers, state_);
      return scores_;
    }
  }

  template <class F>
  void for_each_part(F&& f) const {
    f(reward_);
  }

  std::span<const Completion> last() const { return completions_; }
  std::span<const float> scores() const { return scores_; }
  reward::State<R>& state() { return state_; }

  reward::Prompts prompts = {};  // of the step to come

 private:
  R reward_;
  Decode decode_;
  reward::State<R> state_{};
  std::vector<Completion> completions_;
  std::vector<float> scores_;
};

}  // namespace train
}  // namespace v0
}  // namespace hone
