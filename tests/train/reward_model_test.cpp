#include "hone/train/reward_model.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "../support/small_model.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/train/make_experience.hpp"
#include "hone/train/online_options.hpp"

namespace {

using namespace hone;
using namespace hone::test;

// Two prompts, the second with two answers; the last one was cut off.
rollout::Rollouts answered() {
  rollout::Rollouts r;
  const auto answer = [](std::vector<Token> tokens, FinishReason finish) {
    rollout::Answer a;
    a.logprobs.assign(tokens.size(), -1.0f);
    a.tokens = std::move(tokens);
    a.finish = finish;
    return a;
  };
  const std::vector<rollout::Answer> first{answer({4, 9, 3}, FinishReason::end_token)};
  const std::vector<rollout::Answer> second{answer({8, 3}, FinishReason::end_token),
                                            answer({5, 6, 7, 8}, FinishReason::length)};
  r.add(std::vector<Token>{1, 2}, first, 1);
  r.add(std::vector<Token>{1, 5, 2}, second, 2);
  return r;
}

struct Judge {
  Llama decoder = trained_in_full(11);
  model::ScalarHead<model::Parameter> head{32, true};
  Judge() { head.randomise(4); }
  train::ScalarModel<Llama> model() { return {&decoder, &head}; }
};

TEST(RewardModel, ScoresTheLastTokenOfEachAnswer) {
  Judge judge;
  const rollout::Rollouts r = answered();
  const std::vector<float> all = train::scalars(judge.model(), r.forest);
  EXPECT_EQ(train::RewardModel{judge.model()}(r), (std::vector<float>{all[4], all[9], all[13]}));
}

TEST(RewardModel, MicroBatchesChangeNoBit) {
  Judge judge;
  train::RewardModel reward{judge.model()};
  const std::vector<float> whole = reward(answered());
  reward.microbatch_tokens = 1;
  EXPECT_EQ(reward(answered()), whole);
}

TEST(RewardModel, TakesThePenaltyOffCutOffAnswersAlone) {
  Judge judge;
  const std::vector<float> plain = train::RewardModel{judge.model()}(answered());
  EXPECT_EQ((train::RewardModel{judge.model(), 0.5f}(answered())),
            (std::vector<float>{plain[0], plain[1], plain[2] - 0.5f}));
}

// A critic that has the reward model's weights learns in adapters, which are not the reward
// model's.
TEST(RewardModel, LeavesOutTheAdaptersOfACriticThatSharesItsWeights) {
  Judge judge;
  const std::vector<float> before = train::RewardModel{judge.model()}(answered());
  model::attach(judge.decoder, {.rank = 2, .seed = 3});
  model::for_each_adapter_parameter(judge.decoder,
                                    [](model::Parameter& p) { p.randomise(5, 0.5f); });
  judge.decoder.touch();
  EXPECT_NE(train::RewardModel{judge.model()}(answered()), before);
  train::RewardModel reward{judge.model()};
  reward.adapters = false;
  EXPECT_EQ(reward(answered()), before);
}

// A cut that is an end has no value after it: the last token's return is its reward alone.
TEST(Truncation, IsAnEndWhereTheOptionsSaySo) {
  train::Experience<Algorithm<advantage::Gae>> e;
  e.rollouts = answered();
  e.values.assign(9, 0.25f);
  e.bootstrap = {8.0f, 8.0f, 8.0f};
  e.token_rewards.assign(9, 0.0f);
  e.token_rewards.back() = 1.0f;
  train::estimate_advantages(advantage::Gae{}, e, true);
  EXPECT_EQ(e.returns.back(), 1.0f);
  train::estimate_advantages(advantage::Gae{}, e, false);
  EXPECT_EQ(e.returns.back(), 9.0f);
  EXPECT_TRUE(train::OnlineOptions{}.truncation_is_end)
      << "rewards score a cut-off answer as it is";
}

}  // namespace
