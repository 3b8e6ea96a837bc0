// What an update does to a critic, and what it must leave alone.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "../support/small_model.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/loss/value_clip.hpp"
#include "hone/loss/value_mse.hpp"
#include "hone/train/online_trainer.hpp"
#include "hone/train/reward_model.hpp"

namespace {

using namespace hone;
using namespace hone::test;

struct Critic {
  Llama decoder = trained_in_full(2);
  model::ScalarHead<model::Parameter> head{32, true};

  Critic() {
    head.randomise(3);
    head.set_trainable(true);
  }
  train::ScalarModel<Llama> model() { return {&decoder, &head}; }
};

// A loss of 0 whose slope is not a number.
struct Ruined {
  static constexpr Level level = Level::value;
  template <class T>
  constexpr T operator()(const ValueInputs<T>& v) const {
    return std::numeric_limits<float>::quiet_NaN() * (v.value - v.ret);
  }
};

TEST(Critic, AGradientThatIsNoNumberLeavesTheActorAlone) {
  Llama actor = trained_in_full(1);
  Critic critic;
  const Algorithm algorithm{.advantage = advantage::Gae{}, .value_loss = Ruined{}};
  train::OnlineTrainer trainer{actor, critic.model(), small_tokens, algorithm, options()};
  const auto before = weights_of(actor), values_before = weights_of(critic.decoder);
  try {
    trainer.step(prompts(4));
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("is nan, expected a finite number"), std::string::npos)
        << e.what();
  }
  EXPECT_EQ(weights_of(actor), before);
  EXPECT_EQ(weights_of(critic.decoder), values_before);
  EXPECT_EQ(trainer.state().updates, 0);
  EXPECT_EQ(trainer.state().optimizer.step, 0);
}

// The mean square, which looks at a network when it is asked for a slope.
struct Watching {
  static constexpr Level level = Level::value;
  static inline const Llama* network = nullptr;
  static inline int looks = 0;
  template <class T>
  constexpr T operator()(const ValueInputs<T>& v) const {
    network->for_each_parameter(
        [](const model::Parameter& p) { EXPECT_TRUE(p.gradient().empty()) << p.name(); });
    ++looks;
    return (v.value - v.ret) * (v.value - v.ret);
  }
};

TEST(Critic, ItsGradientTakesTheMemoryOfTheActors) {
  Llama actor = trained_in_full(1);
  Critic critic;
  Watching::network = &actor;
  const Algorithm algorithm{.advantage = advantage::Gae{}, .value_loss = Watching{}};
  train::OnlineTrainer trainer{actor, critic.model(), small_tokens, algorithm, options()};
  trainer.step(prompts(4));
  EXPECT_GT(Watching::looks, 0);
  const Llama& after = critic.decoder;
  after.for_each_parameter(
      [](const model::Parameter& p) { EXPECT_TRUE(p.gradient().empty()) << p.name(); });
}

TEST(Critic, ReportsTheShareOfValuesThatLeftTheirRange) {
  const auto report = [](const auto& algorithm) {
    Llama actor = trained_in_full(1);
    Critic critic;
    train::OnlineOptions o = options();
    o.ppo_epochs = 2;
    train::OnlineTrainer trainer{actor, critic.model(), small_tokens, algorithm, o};
    return trainer.step(prompts(4));
  };
  const auto narrow = report(
      Algorithm{.advantage = advantage::Gae{}, .value_loss = loss::ValueClip{.value_clip = 1e-6f}});
  EXPECT_GT(narrow.at("value/clip_fraction"), 0.45)
      << "0 in the first pass, nearly 1 in the second";
  EXPECT_LE(narrow.at("value/clip_fraction"), 0.5);
  const auto wide = report(
      Algorithm{.advantage = advantage::Gae{}, .value_loss = loss::ValueClip{.value_clip = 1e6f}});
  EXPECT_EQ(wide.at("value/clip_fraction"), 0.0);
  EXPECT_FALSE(report(Algorithm{.advantage = advantage::Gae{}, .value_loss = loss::ValueMse{}})
                   .has("value/clip_fraction"));
}

TEST(Critic, ThatSharesARewardModelsWeightsDoesNotMoveItsScores) {
  Llama actor = trained_in_full(1);
  Critic shared;
  model::ScalarHead<model::Parameter> judge_head(32, true);
  judge_head.randomise(4);
  shared.decoder.for_each_parameter([](model::Parameter& p) { p.set_trainable(false); });
  model::attach(shared.decoder, {.rank = 2, .alpha = 4.0f, .seed = 5});
  train::RewardModel reward{train::ScalarModel<Llama>{&shared.decoder, &judge_head}};
  const Algorithm algorithm{.advantage = advantage::Gae{}};
  EXPECT_THROW((train::OnlineTrainer{actor, shared.model(), reward, algorithm, options()}), Error)
      << "with adapters the scores would follow the critic";

  reward.adapters = false;
  shared.decoder.train_from_layer(1);
  EXPECT_THROW((train::OnlineTrainer{actor, shared.model(), reward, algorithm, options()}), Error);
  shared.decoder.for_each_parameter([](model::Parameter& p) { p.set_trainable(false); });
  train::OnlineTrainer trainer{actor, shared.model(), reward, algorithm, options()};
  train::Report report;
  const rollout::Rollouts answers = trainer.sample(prompts(4), report);
  const std::vector<float> before = reward(answers);
  const auto values = train::scalars(shared.model(), answers.forest);
  for (int i = 0; i < 2; ++i) trainer.step(prompts(4));
  EXPECT_EQ(reward(answers), before);
  EXPECT_NE(train::scalars(shared.model(), answers.forest), values) << "the critic has learnt";
}

}  // namespace
