// Laws 1, 2, 6, 7, 9, 10, 18 and 19 on whole steps of the trainers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/monte_carlo.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kl/k1.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/kto.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "hone/recipes/ppo.hpp"
#include "hone/rollout/engine.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/online_trainer.hpp"
#include "hone/train/reward_model.hpp"

namespace {

using namespace hone;
using namespace hone::test;

::testing::AssertionResult same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size())
    return ::testing::AssertionFailure() << a.size() << " and " << b.size() << " elements";
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0)
      return ::testing::AssertionFailure() << "element " << i << ": " << a[i] << " and " << b[i];
  return ::testing::AssertionSuccess();
}

const auto ppo = Algorithm{.advantage = advantage::Gae{},
                           .kl = kl::InReward{.estimator = kl::K1{}, .coef = kl::Adaptive{}}};

// An actor and a critic after some steps of PPO, as one array.
std::vector<float> run_ppo(const train::OnlineOptions& o, int steps, bool shuffled) {
  Llama actor{small()}, critic{small()};
  actor.randomise(1, 0.2f);
  critic.randomise(2, 0.2f);
  actor.train_from_layer(0);
  critic.train_from_layer(0);
  model::ScalarHead<model::Parameter> head(32, true);
  head.randomise(3);
  head.set_trainable(true);
  train::ScalarModel<Llama> values{&critic, &head};
  train::OnlineTrainer trainer{actor, values, small_tokens, ppo, o};
  std::vector<rollout::Request> batch = prompts(9);
  if (shuffled) std::reverse(batch.begin(), batch.end());
  for (int i = 0; i < steps; ++i) trainer.step(batch);
  std::vector<float> out = weights_of(actor), more = weights_of(critic);
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

TEST(TrainerLaws, BatchOrderMicroBatchesThreadsAndRecomputationChangeNoBit) {
  train::OnlineOptions o = options();
  o.ppo_epochs = 2;
  o.minibatches = 2;
  const std::vector<float> want = run_ppo(o, 3, false);
  EXPECT_TRUE(same_bits(run_ppo(o, 3, true), want)) << "prompts in another order";
  for (const std::int64_t tokens : {1, 40, 150}) {
    o.microbatch_tokens = tokens;
    EXPECT_TRUE(same_bits(run_ppo(o, 3, false), want)) << "micro-batches of " << tokens;
  }
  o.checkpoint_activations = true;
  o.generation.max_batch = 3;
  EXPECT_TRUE(same_bits(run_ppo(o, 3, false), want)) << "layers recomputed, small batches";
  for (int threads = 1; threads <= 4; ++threads) {
    set_threads(threads);
    EXPECT_TRUE(same_bits(run_ppo(o, 3, false), want)) << threads << " threads";
  }
  set_threads(2);
}

// Reports, gradients and weights of two steps on given data.
template <class Objective>
std::vector<float> run_offline(const Objective& objective, const train::OfflineOptions& o) {
  Llama model = trained_in_full(1);
  const int answers = level_of<Objective> == Level::token ? 0 : 3;
  train::OfflineTrainer trainer{model, objective, o};
  std::vector<float> out;
  for (std::int64_t step = 0; step < 2; ++step) {
    for (const auto& [name, value] : trainer.step(batch(step, 9, answers)).metrics)
      out.push_back(static_cast<float>(value));
    for (const model::Parameter* p : trainer.parameters())
      out.insert(out.end(), p->gradient().begin(), p->gradient().end());
  }
  const std::vector<float> weights = weights_of(model);
  out.insert(out.end(), weights.begin(), weights.end());
  return out;
}

template <class Objective>
void expect_free_of_split(const Objective& objective) {
  train::OfflineOptions o{.schedule = {.peak = 1e-2f, .decay = train::Decay::constant}};
  const std::vector<float> want = run_offline(objective, o);
  for (const std::int64_t tokens : {1, 20, 37, 90}) {
    o.microbatch_tokens = tokens;
    EXPECT_TRUE(same_bits(run_offline(objective, o), want)) << "micro-batches of " << tokens;
  }
  for (const std::int64_t tokens : {8192, 37}) {
    o.checkpoint_activations = true;
    o.microbatch_tokens = tokens;
    EXPECT_TRUE(same_bits(run_offline(objective, o), want))
        << "layers recomputed, micro-batches of " << tokens;
  }
  for (const int threads : {1, 3}) {
    set_threads(threads);
    EXPECT_TRUE(same_bits(run_offline(objective, o), want)) << threads << " threads";
  }
  set_threads(2);
}

TEST(TrainerLaws, OfGivenDataMicroBatchesRecomputationAndThreadsChangeNoBit) {
  expect_free_of_split(loss::Nll{});
  expect_free_of_split(loss::Dpo{});
  expect_free_of_split(loss::Kto{});
}

TEST(TrainerLaws, RolloutLogProbabilitiesAreThoseOfTraining) {
  std::int64_t compared = 0;
  const std::int64_t wanted = std::getenv("HONE_TEST_QUICK") ? 3'000 : 60'000;
  for (std::uint64_t seed = 0; compared < wanted; ++seed) {
    Llama actor{small()};
    actor.randomise(seed, 0.25f);
    model::attach(actor, {.rank = 2, .alpha = 4.0f, .seed = seed});
    model::for_each_adapter_parameter(actor, [&](model::Parameter& p) { p.randomise(seed, 0.2f); });
    rollout::Engine engine{actor};
    std::vector<rollout::Request> requests = prompts(40);
    for (auto& r : requests) r.samples = 1 + static_cast<std::int32_t>(r.id % 5);
    rollout::GenerateOptions o{
        .sampling = {.temperature = 0.5f + 0.2f * static_cast<float>(seed % 5),
                     .top_k = seed % 2 ? 10 : 0},
        .max_new_tokens = 40,
        .stop_tokens = {7},
        .seed = seed,
        .max_batch = 17};
    for (const bool adapters : {true, false}) {
      o.adapters = adapters;
      const auto rollouts = rollout::collect(requests, engine.generate(requests, o));
      const auto scored =
          train::score(actor, rollouts.forest, train::answer_rows(rollouts),
                       {.temperature = o.sampling.temperature, .adapters = adapters});
      ASSERT_TRUE(same_bits(scored.logprobs, rollouts.logprobs)) << "seed " << seed;
      compared += rollouts.rows();
    }
  }
}

TEST(TrainerLaws, OnTheFirstPassTheRatioIsOneAndTheLossIsMinusTheMeanAdvantage) {
  Llama actor{small()};
  actor.randomise(1, 0.2f);
  actor.train_from_layer(0);
  Algorithm grpo{.advantage = advantage::GroupRelative{.scale_by_std = false}};
  train::OnlineTrainer trainer{actor, small_tokens, grpo, options()};
  train::Report report;
  auto e = trainer.judge(trainer.sample(prompts(8), report), report);
  trainer.penalise(e, report);
  trainer.estimate(e, report);
  double mean = 0;
  for (float a : e.advantages) mean += static_cast<double>(a);
  mean /= static_cast<double>(e.advantages.size());
  trainer.update(e, report);
  EXPECT_EQ(report.at("policy/ratio_mean"), 1.0);
  EXPECT_EQ(report.at("policy/approx_kl"), 0.0);
  EXPECT_EQ(report.at("policy/clip_fraction"), 0.0);
  EXPECT_NEAR(report.at("loss/policy"), -mean, 1e-7);
  // After the update the policy is another one.
  train::Report later;
  trainer.update(e, later);
  EXPECT_NE(later.at("policy/ratio_mean"), 1.0);
}

// The same with a critic, as it is and whitened, and a penalty in the reward, which is 0 as long as
// the actor is the reference.
template <class Composition>
void expect_first_pass_of_ppo(const Composition& algorithm) {
  Llama actor = trained_in_full(1), critic = trained_in_full(2);
  model::ScalarHead<model::Parameter> head(32, true);
  head.randomise(3);
  head.set_trainable(true);
  train::ScalarModel<Llama> values{&critic, &head};
  train::OnlineTrainer trainer{actor, values, small_tokens, algorithm, options()};
  train::Report report;
  auto e = trainer.judge(trainer.sample(prompts(8), report), report);
  trainer.penalise(e, report);
  trainer.estimate(e, report);
  double mean = 0, largest = 0;
  for (const float a : e.advantages) {
    mean += static_cast<double>(a) / static_cast<double>(e.advantages.size());
    largest = std::max(largest, std::fabs(static_cast<double>(a)));
  }
  ASSERT_GT(largest, 0.1) << "nothing to learn shows nothing";
  trainer.update(e, report);
  EXPECT_EQ(report.at("reward/kl"), 0.0);
  EXPECT_EQ(report.at("policy/ratio_mean"), 1.0);
  EXPECT_EQ(report.at("policy/approx_kl"), 0.0);
  EXPECT_EQ(report.at("policy/clip_fraction"), 0.0);
  EXPECT_NEAR(report.at("loss/policy"), -mean, 5e-7);
  EXPECT_GT(report.at("loss/value"), 0.0);
  train::Report later;
  trainer.update(e, later);
  EXPECT_NE(later.at("policy/ratio_mean"), 1.0);
}

TEST(TrainerLaws, OnTheFirstPassOfPpoTheRatioIsOneAndTheLossIsMinusTheMeanAdvantage) {
  expect_first_pass_of_ppo(ppo);
  expect_first_pass_of_ppo(recipes::ppo());
}

TEST(TrainerLaws, TheScoreLiesOnTheLastSampledToken) {
  Llama actor = trained_in_full(1);
  Algorithm grpo{};
  train::OnlineTrainer trainer{actor, small_tokens, grpo, options()};
  train::Report report;
  auto e = trainer.judge(trainer.sample(prompts(8), report), report);
  int ended = 0;
  for (const bool environment_ends : {false, true}) {
    // What an environment writes after the last sampled token is no action.
    if (environment_ends)
      for (std::int64_t s = 0; s < e.rollouts.answers(); ++s)
        if (e.rollouts.length(s) > 1)
          e.rollouts.mask[static_cast<std::size_t>(
              e.rollouts.offsets[static_cast<std::size_t>(s) + 1] - 1)] = 0;
    trainer.penalise(e, report);
    for (std::int64_t s = 0; s < e.rollouts.answers(); ++s) {
      const auto i = static_cast<std::size_t>(s);
      const auto begin = e.rollouts.offsets[i], end = e.rollouts.offsets[i + 1];
      const auto last = end - (environment_ends && e.rollouts.length(s) > 1 ? 2 : 1);
      for (auto r = begin; r < end; ++r)
        EXPECT_EQ(e.token_rewards[static_cast<std::size_t>(r)], r == last ? e.scores[i] : 0.0f)
            << "answer " << s << " of " << end - begin << " tokens, at " << r - begin;
      const auto tokens = e.rollouts.forest.tokens(e.rollouts.segments[i]);
      if (e.rollouts.finish[i] == FinishReason::end_token) {
        ++ended;
        EXPECT_TRUE(tokens.back() == 3 || tokens.back() == 7)
            << "the end token belongs to the answer";
      }
    }
  }
  EXPECT_GT(ended, 0);
}

// One token alone has an advantage. If it carries loss, the loss is minus its share of the batch,
// and an update makes it more likely.
TEST(TrainerLaws, TheFirstTokenAndTheEndTokenOfAnAnswerCarryLoss) {
  train::OnlineOptions o = options();
  o.schedule = {.peak = 1e-4f, .decay = train::Decay::constant};
  Algorithm grpo{};
  for (const bool at_the_end : {false, true}) {
    int tried = 0;
    for (std::int64_t s = 0; tried < 8; ++s) {
      Llama actor = trained_in_full(1);
      train::OnlineTrainer trainer{actor, small_tokens, grpo, o};
      train::Report report;
      auto e = trainer.judge(trainer.sample(prompts(8), report), report);
      ASSERT_LT(s, e.rollouts.answers()) << "only " << tried << " answers ended by themselves";
      const auto i = static_cast<std::size_t>(s);
      if (at_the_end && e.rollouts.finish[i] != FinishReason::end_token) continue;
      ++tried;
      trainer.penalise(e, report);
      trainer.estimate(e, report);
      const auto row = static_cast<std::size_t>(at_the_end ? e.rollouts.offsets[i + 1] - 1
                                                           : e.rollouts.offsets[i]);
      std::fill(e.advantages.begin(), e.advantages.end(), 0.0f);
      e.advantages[row] = 1;
      trainer.update(e, report);
      const auto place = ::testing::Message()
                         << (at_the_end ? "end" : "first") << " token of answer " << s << " of "
                         << e.rollouts.length(s) << " tokens";
      EXPECT_NEAR(report.at("loss/policy"), -1.0 / static_cast<double>(e.rollouts.rows()), 1e-8)
          << place;
      EXPECT_GT(report.at("update/grad_norm"), 0) << place;
      const auto now = train::score(actor, e.rollouts.forest, train::answer_rows(e.rollouts),
                                    {.temperature = o.generation.sampling.temperature});
      EXPECT_GT(now.logprobs[row], e.rollouts.logprobs[row]) << place;
    }
  }
}

// The same for given answers: text of which one token alone is trained.
TEST(TrainerLaws, TheFirstTokenAndTheLastTokenOfAGivenAnswerCarryLoss) {
  for (const bool at_the_end : {false, true})
    for (std::size_t answer = 0; answer < 4; ++answer) {
      Llama model = trained_in_full(1);
      data::Batch one = batch(0, 4, 1);
      const auto begin = static_cast<std::size_t>(
          one.forest.segments()[static_cast<std::size_t>(one.answers()[answer])].begin);
      const auto end = static_cast<std::size_t>(
          one.forest.segments()[static_cast<std::size_t>(one.answers()[answer])].end());
      std::fill(one.trained.begin(), one.trained.end(), std::uint8_t{0});
      one.trained[at_the_end ? end - 1 : begin] = 1;
      train::OfflineTrainer trainer{
          model, loss::Nll{}, {.schedule = {.peak = 1e-4f, .decay = train::Decay::constant}}};
      const train::Report first = trainer.step(one), second = trainer.step(one);
      EXPECT_EQ(first.at("tokens"), 1);
      EXPECT_GT(first.at("loss"), 0) << answer;
      EXPECT_LT(second.at("loss"), first.at("loss")) << answer;
    }
}

TEST(TrainerLaws, OddBatchesAreDefined) {
  Llama actor{small()};
  actor.randomise(1, 0.2f);
  actor.train_from_layer(0);
  // Scores of zero: no advantage, no change but that of the optimiser's decay.
  train::OnlineOptions o = options();
  const auto nothing = [](const rollout::Rollouts& r) {
    return std::vector<float>(static_cast<std::size_t>(r.answers()), 0.0f);
  };
  Algorithm grpo{};
  train::OnlineTrainer equal{actor, nothing, grpo, o};
  const std::vector<float> before = weights_of(actor);
  EXPECT_EQ(equal.step(prompts(3)).at("update/grad_norm"), 0.0);
  EXPECT_TRUE(same_bits(weights_of(actor), before));

  // A group of one whose answer keeps its reward.
  o.group_size = 1;
  Algorithm alone{.advantage = advantage::GroupRelative{.singleton_keeps_reward = true}};
  train::OnlineTrainer single{actor, nothing, alone, o};
  EXPECT_EQ(single.step(prompts(3)).at("update/grad_norm"), 0.0);
  EXPECT_TRUE(same_bits(weights_of(actor), before));

  // A score of 0 is a score: the answer that has it is worse than the others.
  o = options();
  const auto one_in_four = [](const rollout::Rollouts& r) {
    std::vector<float> scores(static_cast<std::size_t>(r.answers()), 0.0f);
    for (std::size_t s = 0; s < scores.size(); s += 4) scores[s] = 1.0f;
    return scores;
  };
  train::OnlineTrainer zeros{actor, one_in_four, grpo, o};
  train::Report unused;
  auto e = zeros.judge(zeros.sample(prompts(3), unused), unused);
  zeros.penalise(e, unused);
  zeros.estimate(e, unused);
  for (std::size_t s = 0; s < e.scores.size(); ++s)
    EXPECT_NEAR(e.advantages[static_cast<std::size_t>(e.rollouts.offsets[s])],
                (s % 4 == 0 ? 0.75 : -0.25) / 0.5, 1e-5)
        << "answer " << s;

  // Every answer cut off.
  o.generation.stop_tokens = {};
  o.generation.max_new_tokens = 2;
  train::OnlineTrainer cut{actor, small_tokens, grpo, o};
  const auto short_ones = cut.step(prompts(3));
  EXPECT_EQ(short_ones.at("rollout/truncated_fraction"), 1.0);
  for (const auto& [name, value] : short_ones.metrics) EXPECT_TRUE(std::isfinite(value)) << name;
  for (const float w : weights_of(actor)) ASSERT_TRUE(std::isfinite(w));

  // A reward that is not a number is refused and changes nothing.
  const auto broken = [](const rollout::Rollouts& r) {
    return std::vector<float>(static_cast<std::size_t>(r.answers()), std::nanf(""));
  };
  const std::vector<float> kept = weights_of(actor);
  train::OnlineTrainer refuses{actor, broken, grpo, o};
  EXPECT_THROW(refuses.step(prompts(3)), Error);
  EXPECT_TRUE(same_bits(weights_of(actor), kept));
}

// Answers to three prompts, four to each; `empty` says of which nothing was sampled.
template <class Empty>
rollout::Rollouts partly_empty(Llama& sampler, const Empty& empty) {
  std::vector<rollout::Request> requests = prompts(3);
  for (rollout::Request& r : requests) r.samples = 4;
  rollout::Engine engine{sampler};
  auto answers = engine.generate(requests, options().generation);
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (empty(i)) {
      answers[i].tokens.clear();
      answers[i].logprobs.clear();
    }
  return rollout::collect(requests, answers);
}

void expect_finite(const train::Report& report, const std::vector<float>& weights) {
  for (const auto& [name, value] : report.metrics) EXPECT_TRUE(std::isfinite(value)) << name;
  for (const float w : weights) ASSERT_TRUE(std::isfinite(w));
}

// An answer without a token has a score, which its group is compared with, and nothing to learn. A
// batch of nothing else is a step that changes no weight.
template <class Composition>
void expect_empty_answers_defined(const Composition& algorithm) {
  const auto run = [&](const auto& empty, bool learns) {
    Llama actor = trained_in_full(1);
    train::OnlineTrainer trainer{actor, small_tokens, algorithm, options()};
    const std::vector<float> before = weights_of(actor);
    const train::Report report = trainer.learn(partly_empty(actor, empty));
    expect_finite(report, weights_of(actor));
    EXPECT_EQ(!same_bits(weights_of(actor), before), learns);
    EXPECT_EQ(report.at("update/grad_norm") > 0.0, learns);
    EXPECT_EQ(trainer.state().step, 1);
    return report;
  };
  run([](std::size_t i) { return i == 5; }, true);
  run([](std::size_t i) { return i < 4; }, true);
  const train::Report nothing = run([](std::size_t) { return true; }, false);
  EXPECT_EQ(nothing.at("rollout/length_mean"), 0.0);
  EXPECT_EQ(nothing.at("loss/policy"), 0.0);
}

TEST(TrainerLaws, AnswersWithoutATokenAreDefined) {
  expect_empty_answers_defined(Algorithm{});
  expect_empty_answers_defined(Algorithm{.kl = kl::InLoss{.coef = 0.1f}, .loss = loss::Gspo{}});
  expect_empty_answers_defined(Algorithm{.advantage = advantage::LeaveOneOut{},
                                         .kl = kl::InReward{.estimator = kl::K1{}, .coef = 0.1f}});

  Llama actor = trained_in_full(1);
  const Algorithm plain{.advantage = advantage::GroupRelative{.scale_by_std = false}};
  train::OnlineTrainer trainer{actor, small_tokens, plain, options()};
  train::Report report;
  auto e = trainer.judge(partly_empty(actor, [](std::size_t i) { return i == 5; }), report);
  trainer.penalise(e, report);
  trainer.estimate(e, report);
  ASSERT_EQ(e.rollouts.length(5), 0);
  EXPECT_EQ(e.scores[5], 0.0f);
  const float mean = (e.scores[4] + e.scores[5] + e.scores[6] + e.scores[7]) / 4;
  for (const std::size_t s : {4u, 6u, 7u})
    EXPECT_NEAR(e.advantages[static_cast<std::size_t>(e.rollouts.offsets[s])], e.scores[s] - mean,
                1e-6)
        << "answer " << s << " is compared with the empty one, too";
}

TEST(TrainerLaws, AnswersWithoutATokenAreDefinedForPpo) {
  const auto run = [](const auto& algorithm, const auto& empty, bool learns) {
    Llama actor = trained_in_full(1), critic = trained_in_full(2), judge = trained_in_full(3);
    model::ScalarHead<model::Parameter> head(32, true), judge_head(32);
    head.randomise(3);
    head.set_trainable(true);
    judge_head.randomise(4);
    train::ScalarModel<Llama> values{&critic, &head}, scorer{&judge, &judge_head};
    train::OnlineTrainer trainer{actor, values, train::RewardModel{scorer}, algorithm, options()};
    const std::vector<float> before = weights_of(actor), critic_before = weights_of(critic);
    const train::Report report = trainer.learn(partly_empty(actor, empty));
    expect_finite(report, weights_of(actor));
    expect_finite(report, weights_of(critic));
    EXPECT_EQ(!same_bits(weights_of(actor), before), learns);
    EXPECT_EQ(!same_bits(weights_of(critic), critic_before), learns);
    EXPECT_NE(report.at("reward/score_mean"), 0.0) << "the score at the end of the prompt";
  };
  for (const bool all : {false, true}) {
    const auto empty = [all](std::size_t i) { return all || i == 5; };
    run(ppo, empty, !all);
    run(recipes::ppo(), empty, !all);
  }
}

// An answer that is compared with nobody would teach nothing, step after step.
TEST(TrainerLaws, AnAdvantageThatComparesAnswersRefusesGroupsOfOne) {
  Llama actor = trained_in_full(1);
  train::OnlineOptions o = options();
  o.group_size = 1;
  const auto refusal = [&](const auto& algorithm) -> std::string {
    try {
      train::OnlineTrainer trainer{actor, small_tokens, algorithm, o};
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  const std::string of_groups = refusal(Algorithm{});
  EXPECT_NE(of_groups.find("OnlineOptions: group_size is 1, expected at least 2"),
            std::string::npos)
      << of_groups;
  EXPECT_NE(of_groups.find("GroupRelative"), std::string::npos) << of_groups;
  EXPECT_NE(refusal(Algorithm{.advantage = advantage::LeaveOneOut{}}), "");
  EXPECT_EQ(refusal(Algorithm{.advantage = advantage::MonteCarlo{}}), "");
}

// What a composition does not need does not exist in its type.
TEST(TrainerLaws, NoCriticAndNoReferenceUnlessNeeded) {
  using Plain = train::OnlineTrainer<Llama, decltype(&small_tokens), Algorithm<>>;
  static_assert(!Plain::has_critic && !Plain::has_reference);
  using Full = train::OnlineTrainer<Llama, decltype(&small_tokens), std::remove_cv_t<decltype(ppo)>,
                                    train::ScalarModel<Llama>>;
  static_assert(Full::has_critic && Full::has_reference);
}

TEST(TrainerLaws, ReMaxComparesWithTheGreedyAnswer) {
  Llama actor{small()};
  actor.randomise(1, 0.2f);
  actor.train_from_layer(0);
  Algorithm remax{.advantage = advantage::ReMax{}};
  train::OnlineOptions o = options();
  o.group_size = 1;
  train::OnlineTrainer trainer{actor, small_tokens, remax, o};
  train::Report report;
  auto e = trainer.judge(trainer.sample(prompts(12), report), report);
  trainer.penalise(e, report);
  trainer.estimate(e, report);
  int different = 0;
  for (std::int64_t s = 0; s < e.rollouts.answers(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    const float want = e.scores[i] - e.greedy_scores[i];
    different += want != 0;
    for (auto r = e.rollouts.offsets[i]; r < e.rollouts.offsets[i + 1]; ++r)
      EXPECT_NEAR(e.advantages[static_cast<std::size_t>(r)], want, 1e-6);
  }
  EXPECT_GT(different, 0);
}

TEST(TrainerLaws, AdaptersMakeTheActorItsOwnReference) {
  Llama actor{small()};
  actor.randomise(1, 0.2f);
  model::attach(actor, {.rank = 4, .alpha = 8.0f, .seed = 2});
  train::Reference<Llama> shared{actor};
  EXPECT_TRUE(shared.shares_weights());
  Algorithm a{.kl = kl::InLoss{.coef = 0.1f}, .loss = loss::Gspo{}};
  train::OnlineTrainer trainer{actor, small_tokens, a, options()};
  EXPECT_EQ(trainer.step(prompts(6)).at("reward/kl"), 0.0) << "a fresh adapter changes nothing";
  double last = 0;
  for (int i = 0; i < 3; ++i) last = trainer.step(prompts(6)).at("reward/kl");
  EXPECT_NE(last, 0.0);
}

}  // namespace
