#include "hone/train/four_networks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/model/clone.hpp"
#include "hone/recipes/ppo.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

using Head = model::ScalarHead<model::Parameter>;

// A policy and a reward model, as training left them.
struct Two {
  Llama policy = trained_in_full(1), judge = trained_in_full(2);
  Head head{32};
  Two() { head.randomise(3); }
  train::ScalarModel<Llama> scorer() { return {&judge, &head}; }
};

train::Trained adapters() { return {.lora = model::Lora{.rank = 2, .alpha = 4.0f, .seed = 5}}; }

rollout::Rollouts answered(Llama& sampler) {
  rollout::Engine engine{sampler};
  std::vector<rollout::Request> requests = prompts(5);
  for (rollout::Request& r : requests) r.samples = 2;
  return rollout::collect(requests, engine.generate(requests, options().generation));
}

std::vector<float> plain_weights(Llama& decoder) {
  std::vector<float> out;
  decoder.for_each_parameter(
      [&](model::Parameter& p) { out.insert(out.end(), p.value().begin(), p.value().end()); });
  return out;
}

std::int64_t learning(Llama& decoder) {
  return static_cast<std::int64_t>(train::trainable_parameters(decoder).size());
}

TEST(FourNetworks, FullTrainingCopiesTheRewardModelForTheCritic) {
  Two two;
  train::FourNetworks networks{two.policy, two.scorer(), train::Trained{}};
  EXPECT_FALSE(networks.critic_shares_weights());
  EXPECT_EQ(&networks.actor(), &two.policy);
  EXPECT_EQ(networks.reward().model.decoder, &two.judge);
  EXPECT_NE(networks.critic().decoder, &two.judge);
  EXPECT_EQ(plain_weights(*networks.critic().decoder), plain_weights(two.judge));
  EXPECT_FALSE(train::Reference<Llama>{networks.actor()}.shares_weights());
  EXPECT_EQ(learning(two.judge), 0) << "the reward model is frozen";
  EXPECT_FALSE(two.head.weight.trainable());
  EXPECT_GT(learning(*networks.critic().decoder), 0);
}

TEST(FourNetworks, AdaptersMakeFourNetworksOfTwo) {
  Two two;
  train::FourNetworks networks{two.policy, two.scorer(), adapters()};
  EXPECT_TRUE(networks.critic_shares_weights());
  EXPECT_EQ(networks.critic().decoder, &two.judge);
  EXPECT_EQ(networks.reward().model.decoder, &two.judge);
  EXPECT_FALSE(networks.reward().adapters);
  EXPECT_TRUE(train::Reference<Llama>{networks.actor()}.shares_weights());
  const auto frozen = [](const model::Parameter& p) { EXPECT_FALSE(p.trainable()) << p.name(); };
  two.judge.for_each_parameter(frozen);
  two.policy.for_each_parameter(frozen);
  EXPECT_EQ(learning(two.judge), 2 * 2 * 7);
}

TEST(FourNetworks, TheCriticsHeadBeginsAsTheRewardModelsWithABias) {
  Two two;
  train::FourNetworks networks{two.policy, two.scorer(), train::Trained{}};
  const Head& head = *networks.critic().head;
  ASSERT_NE(&head, &two.head);
  ASSERT_TRUE(head.bias.has_value());
  EXPECT_TRUE(head.weight.trainable() && head.bias->trainable());
  const rollout::Rollouts r = answered(two.policy);
  EXPECT_EQ(train::scalars(networks.critic(), r.forest), train::scalars(two.scorer(), r.forest));

  Two other;
  Head with_bias{32, true};
  with_bias.randomise(3);
  with_bias.bias->value()[0] = 0.5f;
  train::FourNetworks biased{other.policy, {&other.judge, &with_bias}, train::Trained{}};
  EXPECT_EQ(biased.critic().head->bias->value()[0], 0.5f);
}

// Everything that learns moves, everything that does not stays, and scores with it.
TEST(FourNetworks, ScoresStayWhileTheCriticLearns) {
  for (const bool lora : {false, true}) {
    Two two;
    const rollout::Rollouts r = answered(two.policy);
    const std::vector<float> scores = train::RewardModel{two.scorer()}(r);
    const std::vector<float> judge = plain_weights(two.judge);
    train::FourNetworks networks{two.policy, two.scorer(), lora ? adapters() : train::Trained{}};
    const std::vector<float> values = train::scalars(networks.critic(), r.forest);
    const std::vector<float> policy = weights_of(two.policy);
    train::OnlineTrainer trainer{networks.actor(), networks.critic(), networks.reward(),
                                 recipes::ppo(), options()};
    for (int step = 0; step < 3; ++step) trainer.step(prompts(4));
    EXPECT_EQ(networks.reward()(r), scores) << "lora " << lora;
    EXPECT_EQ(plain_weights(two.judge), judge) << "lora " << lora;
    EXPECT_NE(train::scalars(networks.critic(), r.forest), values) << "lora " << lora;
    EXPECT_NE(weights_of(two.policy), policy) << "lora " << lora;
  }
}

// What the value makes is what one would wire by hand.
TEST(FourNetworks, GiveTheRunOfNetworksThatWereWiredByHand) {
  const auto weights = [](auto& trainer) {
    std::vector<float> out;
    for (const train::ParameterList& list :
         {trainer.actor_parameters(), trainer.critic_parameters()})
      for (const model::Parameter* p : list)
        out.insert(out.end(), p->value().begin(), p->value().end());
    return out;
  };
  for (const bool lora : {false, true}) {
    Two two;
    const train::Trained trained = lora ? adapters() : train::Trained{.from_layer = 1};
    train::FourNetworks networks{two.policy, two.scorer(), trained};
    train::OnlineTrainer trainer{networks.actor(), networks.critic(), networks.reward(),
                                 recipes::ppo(), options()};
    for (int step = 0; step < 2; ++step) trainer.step(prompts(4));

    Two by_hand;
    Llama copy = model::clone(by_hand.judge);
    Llama& critic = lora ? by_hand.judge : copy;
    for (Llama* learner : {&by_hand.policy, &critic})
      if (lora)
        model::attach(*learner, *trained.lora);
      else
        learner->train_from_layer(1);
    Head head{32, true};
    head.weight.copy_values(by_hand.head.weight);
    head.set_trainable(true);
    train::ScalarModel<Llama> values{&critic, &head};
    const train::RewardModel<Llama> reward{.model = by_hand.scorer(), .adapters = false};
    train::OnlineTrainer other{by_hand.policy, values, reward, recipes::ppo(), options()};
    for (int step = 0; step < 2; ++step) other.step(prompts(4));
    EXPECT_EQ(weights(trainer), weights(other)) << "lora " << lora;
  }
}

TEST(FourNetworks, ActorAndCriticMayLearnDifferently) {
  Two two;
  train::FourNetworks networks{two.policy, two.scorer(), {.from_layer = 1}, adapters()};
  EXPECT_TRUE(networks.critic_shares_weights());
  EXPECT_FALSE(model::has_adapters(two.policy));
  EXPECT_EQ(train::frozen_layers(two.policy), 1);
}

template <class Make>
std::string error_of(const Make& make) {
  try {
    make();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(FourNetworks, RefuseWhatWouldLoseOrMixNetworks) {
  Two two;
  EXPECT_NE(error_of([&] {
              train::FourNetworks{two.judge, two.scorer(), train::Trained{}};
            }).find("the policy and the reward model are one decoder, expected two"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              train::FourNetworks{two.policy, two.scorer(), {.from_layer = 2}};
            }).find("from_layer is 2, expected 0 to 1"),
            std::string::npos);
  model::attach(two.judge, {.rank = 2});
  EXPECT_NE(error_of([&] {
              train::FourNetworks{two.policy, two.scorer(), train::Trained{}};
            }).find("the reward model has adapters already"),
            std::string::npos);
}

}  // namespace
