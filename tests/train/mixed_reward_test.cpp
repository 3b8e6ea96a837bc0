#include "hone/train/mixed_reward.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/gdpo.hpp"
#include "hone/model/clone.hpp"
#include "hone/reward/length.hpp"
#include "hone/reward/scale.hpp"
#include "hone/train/checkpoints.hpp"
#include "hone/train/four_networks.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;
using reward::Named;

std::string decode(std::span<const Token> tokens) { return std::string(tokens.size(), 'x'); }

constexpr auto text_length = [](const Completion& c) { return static_cast<float>(c.text.size()); };

struct Judge {
  Llama decoder = trained_in_full(11);
  model::ScalarHead<model::Parameter> head{32};
  Judge() { head.randomise(4); }
  train::RewardModel<Llama> reward() {
    return train::RewardModel{train::ScalarModel<Llama>{&decoder, &head}, 0.25f};
  }
};

rollout::Rollouts answered(int n, std::uint64_t seed = 0) {
  Llama sampler = trained_in_full(1);
  rollout::Engine engine{sampler};
  std::vector<rollout::Request> requests = prompts(n);
  for (rollout::Request& r : requests) r.samples = 3;
  rollout::GenerateOptions o = options().generation;
  o.seed = seed;
  return rollout::collect(requests, engine.generate(requests, o));
}

// All of it at once: a running norm of a network, a clip of a network, a length penalty, a text.
auto everything(Judge& judge) {
  return reward::Sum{
      Named{"normal", 1.0f, reward::RunningNorm<train::RewardModel<Llama>>{judge.reward()}},
      Named{"limited", 0.5f, reward::Clip<train::RewardModel<Llama>>{judge.reward(), -0.1f, 0.1f}},
      Named{"brevity", 0.1f, reward::PerToken{.coef = 0.5f}},
      Named<decltype(text_length)>{"text", 2.0f, text_length}};
}

// Scores that are known beforehand, as a reward of completions.
struct Known {
  std::vector<float> scores;
  std::vector<float> operator()(std::span<const Completion>) const { return scores; }
};

TEST(MixedReward, AddsNetworksAndCompletionsUpWithTheFormulasOfCompletions) {
  Judge judge;
  const rollout::Rollouts r = answered(4);
  const std::vector<float> scores = judge.reward()(r);
  train::MixedReward mixed{everything(judge), decode};
  const auto found = mixed(r);

  // The same sum of rewards of completions, of which two know the network's scores.
  const Known known{scores};
  const reward::Sum plain{Named<reward::RunningNorm<Known>>{"normal", 1.0f, {known}},
                          Named<reward::Clip<Known>>{"limited", 0.5f, {known, -0.1f, 0.1f}},
                          Named{"brevity", 0.1f, reward::PerToken{.coef = 0.5f}},
                          Named<decltype(text_length)>{"text", 2.0f, text_length}};
  const auto completions = reward::completions(r, decode);
  reward::State<decltype(plain)> state{};
  const auto want = plain.breakdown(reward::Batch(completions), state);
  EXPECT_EQ(found.scores, want.scores);
  EXPECT_EQ(found.parts, want.parts);
  EXPECT_EQ(found.names, want.names);
  EXPECT_NE(found.parts[0], scores);
  EXPECT_NE(found.parts[1], scores) << "the clip does something";
  EXPECT_TRUE(std::equal(mixed.scores().begin(), mixed.scores().end(), want.scores.begin()));
  EXPECT_EQ(mixed.last().size(), want.scores.size());
}

// Written out in double.
TEST(MixedReward, IsTheFormula) {
  Judge judge;
  train::MixedReward mixed{everything(judge), decode};
  double count = 0, sum = 0, squares = 0;
  for (std::uint64_t step = 0; step < 3; ++step) {
    const rollout::Rollouts r = answered(4, step);
    const std::vector<float> scores = judge.reward()(r);
    const auto found = mixed(r);
    for (const float s : scores) {
      count += 1;
      sum += static_cast<double>(s);
      squares += static_cast<double>(s) * static_cast<double>(s);
    }
    const double mean = sum / count, variance = (squares - count * mean * mean) / (count - 1);
    for (std::size_t s = 0; s < scores.size(); ++s) {
      const double score = static_cast<double>(scores[s]);
      const auto length = static_cast<double>(r.length(static_cast<std::int64_t>(s)));
      const double want = (score - mean) / std::sqrt(variance + 1e-8) +
                          0.5 * std::fmin(std::fmax(score, -0.1), 0.1) - 0.1 * 0.5 * length +
                          2.0 * length;
      EXPECT_NEAR(static_cast<double>(found.scores[s]), want, 1e-4) << "step " << step;
    }
  }
}

TEST(MixedReward, WithoutASumGivesScoresAndNeedsNoText) {
  Judge judge;
  const rollout::Rollouts r = answered(3);
  train::MixedReward clipped{reward::Clip<train::RewardModel<Llama>>{judge.reward(), -0.1f, 0.1f}};
  static_assert(!train::GivesParts<decltype(clipped)>);
  std::vector<float> want = judge.reward()(r);
  for (float& s : want) s = std::clamp(s, -0.1f, 0.1f);
  EXPECT_EQ(clipped(r), want);
  EXPECT_EQ(clipped.last()[0].text, "");
}

// A reward of rollouts that is a plain function has its place, too.
TEST(MixedReward, TakesAnyFunctionOfRollouts) {
  Judge judge;
  train::MixedReward mixed{
      reward::Sum{Named{"share", 2.0f, &small_tokens}, Named{"model", 1.0f, judge.reward()}}};
  const rollout::Rollouts r = answered(3);
  const auto found = mixed(r);
  EXPECT_EQ(found.parts[0], small_tokens(r));
  EXPECT_EQ(found.parts[1], judge.reward()(r));
}

TEST(MixedReward, RefusesScoresThatAreNotFiniteOrTooFew) {
  const auto broken = [](const rollout::Rollouts& r) {
    return std::vector<float>(static_cast<std::size_t>(r.answers()), std::nanf(""));
  };
  const auto few = [](const rollout::Rollouts&) { return std::vector<float>(2, 1.0f); };
  const rollout::Rollouts r = answered(3);
  train::MixedReward nan{reward::Sum{Named<decltype(broken)>{"broken", 1.0f, broken}}};
  train::MixedReward two{reward::Sum{Named<decltype(few)>{"few", 1.0f, few}}};
  EXPECT_THROW(nan(r), Error);
  EXPECT_THROW(two(r), Error);
}

TEST(MixedReward, ItsNetworksAreFound) {
  Judge judge;
  const train::MixedReward mixed{everything(judge), decode};
  int found = 0;
  train::for_each_network(mixed, [&](const auto& network) {
    ++found;
    EXPECT_EQ(network.model.decoder, &judge.decoder);
  });
  EXPECT_EQ(found, 2);
  train::MixedReward of_text{reward::PerToken{}, decode};
  train::for_each_network(of_text, [&](const auto&) { ++found; });
  EXPECT_EQ(found, 2);
  static_assert(
      train::ReadsTrunk<train::MixedReward<decltype(everything(judge)), decltype(&decode)>>);
  auto other = train::MixedReward{everything(judge), decode};
  static_assert(train::ReadsTrunk<decltype(std::ref(other))>);
}

const Algorithm ppo{.advantage = advantage::Gae{}};

// Networks of one origin: the judge's lower layers are the actor's.
std::vector<float> with_a_trunk(bool share_trunk, int& shared) {
  model::Config config = small();
  config.layers = 3;
  Llama actor{config};
  actor.randomise(3, 0.2f);
  Llama origin = model::clone(actor);
  origin.for_each_parameter([](model::Parameter& p) {
    if (p.name().find(".2.") != std::string::npos) p.value()[0] += 0.5f;
  });
  model::ScalarHead<model::Parameter> head(32);
  head.randomise(7);
  train::FourNetworks networks{actor, {&origin, &head}, {.from_layer = 2}};
  train::OnlineOptions o = options();
  o.share_trunk = share_trunk;
  o.microbatch_tokens = 40;
  train::MixedReward mixed{
      reward::Sum{
          Named{"model", 1.0f, reward::RunningNorm<train::RewardModel<Llama>>{networks.reward()}},
          Named{"brevity", 0.1f, reward::PerToken{}}},
      decode};
  train::OnlineTrainer trainer{networks.actor(), networks.critic(), std::ref(mixed), ppo, o};
  train::Report report;
  shared = static_cast<int>(trainer.judge(trainer.sample(prompts(3), report), report).trunk_layers);
  for (int step = 0; step < 2; ++step) trainer.step(prompts(5));
  return weights_of(actor);
}

TEST(MixedReward, SharesTheTrunkAndChangesNoBit) {
  int with = 0, without = 0;
  EXPECT_EQ(with_a_trunk(true, with), with_a_trunk(false, without));
  EXPECT_EQ(with, 2) << "the layers below the one that differs";
  EXPECT_EQ(without, 0);
}

// A network that is another from the first layer on has no part in a trunk.
TEST(MixedReward, ANetworkOfAnotherOriginSharesNoTrunk) {
  Judge judge;
  Llama actor = trained_in_full(1);
  actor.train_from_layer(1);
  train::MixedReward mixed{everything(judge), decode};
  train::OnlineTrainer trainer{actor, std::ref(mixed), Algorithm{}, options()};
  train::Report report;
  EXPECT_EQ(trainer.judge(trainer.sample(prompts(3), report), report).trunk_layers, 0);
}

TEST(MixedReward, PartsAreReportedAndReadByGdpo) {
  Judge judge;
  Llama actor = trained_in_full(1);
  const Algorithm gdpo{.advantage = advantage::Gdpo{}};
  train::MixedReward mixed{everything(judge), decode};
  train::OnlineTrainer trainer{actor, std::ref(mixed), gdpo, options()};
  const train::Report report = trainer.step(prompts(4));
  EXPECT_GT(report.at("reward/normal_std"), 0.0);
  EXPECT_LE(report.at("reward/limited_std"), 0.1);
  EXPECT_LT(report.at("reward/brevity_mean"), 0.0);
}

TEST(MixedReward, ItsStateIsSavedResumedAndLeftAloneByEvaluations) {
  namespace fs = std::filesystem;
  const fs::path folder =
      fs::temp_directory_path() / ("hone_mixed_reward_" + std::to_string(::getpid()));
  fs::remove_all(folder);
  Judge judge;
  const auto run = [&](int from, int to, bool evaluates) {
    Llama actor = trained_in_full(1);
    train::MixedReward mixed{everything(judge), decode};
    train::OnlineTrainer trainer{actor, std::ref(mixed), Algorithm{}, options()};
    train::Checkpoints saved{{.folder = folder, .every = 2}};
    EXPECT_EQ(saved.resume(trainer), from > 0);
    for (int step = from; step < to; ++step) {
      trainer.step(prompts(4));
      const auto before = mixed.state();
      if (evaluates) trainer.evaluate(prompts(6, 50));
      EXPECT_EQ(mixed.state(), before);
      if (from == 0) saved.after_step(trainer);
    }
    return std::pair{weights_of(actor), mixed.state()};
  };
  const auto whole = run(0, 3, true);  // saved after two steps
  const auto resumed = run(2, 3, false);
  EXPECT_EQ(resumed.first, whole.first);
  EXPECT_EQ(resumed.second, whole.second);
  fs::remove_all(folder);
}

// The critic would move what the scores are made of.
TEST(MixedReward, ACriticThatMovesANetworkIsRefused) {
  Judge judge;
  Llama actor = trained_in_full(1);
  model::ScalarHead<model::Parameter> head(32, true);
  head.set_trainable(true);
  train::ScalarModel<Llama> values{&judge.decoder, &head};
  const auto make = [&](const auto& reward) {
    train::OnlineTrainer trainer{actor, values, reward, ppo, options()};
  };
  EXPECT_THROW(make(judge.reward()), Error);
  EXPECT_THROW(make(train::MixedReward{everything(judge), decode}), Error);
  judge.decoder.for_each_parameter([](model::Parameter& p) { p.set_trainable(false); });
  EXPECT_NO_THROW(make(train::MixedReward{everything(judge), decode}));
}

}  // namespace
