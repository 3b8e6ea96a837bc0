// Rewards of several parts in the online trainer, and an advantage that normalises each by itself.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/advantage/gdpo.hpp"
#include "hone/recipes/critic_free.hpp"
#include "hone/reward/completions.hpp"
#include "hone/reward/sum.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

float share(const Completion& c, Token below) {
  float hits = 0;
  for (const Token t : c.tokens) hits += t < below;
  return hits / static_cast<float>(c.tokens.size());
}
// Parts of very different size: the second would drown the first in a plain sum.
constexpr auto low = [](const Completion& c) { return share(c, 30); };
constexpr auto brief = [](const Completion& c) {
  return -50.0f * static_cast<float>(c.tokens.size());
};

auto judge() {
  return reward::OnText{reward::Sum{reward::Named<decltype(low)>{"low", 1.0f, low},
                                    reward::Named<decltype(brief)>{"brief", 0.5f, brief}},
                        [](std::span<const Token> t) { return std::string(t.size(), 'x'); }};
}

// Each part as a standard score of its group, weighed, summed and whitened over the batch, in
// double.
std::vector<double> reference(const rollout::Rollouts& r, const std::vector<float>& parts,
                              const std::vector<double>& weights) {
  const std::size_t S = static_cast<std::size_t>(r.answers()), K = weights.size();
  std::vector<double> sum(S, 0.0);
  const auto normalised = [](std::vector<double> x) {
    double mean = 0, squares = 0;
    for (const double v : x) mean += v / static_cast<double>(x.size());
    for (const double v : x) squares += (v - mean) * (v - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(x.size() - 1));
    for (double& v : x) v = squares > 0 ? (v - mean) / (deviation + 1e-6) : 0.0;
    return x;
  };
  for (std::size_t k = 0; k < K; ++k)
    for (std::size_t first = 0; first < S;) {
      std::size_t last = first;
      std::vector<double> group;
      for (; last < S && r.groups[last] == r.groups[first]; ++last)
        group.push_back(static_cast<double>(parts[last * K + k]));
      const std::vector<double> score = normalised(group);
      for (std::size_t s = first; s < last; ++s) sum[s] += weights[k] * score[s - first];
      first = last;
    }
  return normalised(sum);
}

TEST(ScoreComponents, GdpoInTheTrainerIsTheFormulaInDouble) {
  Llama actor = trained_in_full(1);
  const Algorithm gdpo{.advantage = advantage::Gdpo{.weights = {1.0f, 0.25f}}};
  train::OnlineTrainer trainer{actor, judge(), gdpo, options()};
  train::Report report;
  auto e = trainer.judge(trainer.sample(prompts(8), report), report);
  trainer.penalise(e, report);
  trainer.estimate(e, report);
  ASSERT_EQ(e.score_components.size(), 64u);
  for (std::size_t s = 0; s < 32; ++s) {
    const float lows = e.score_components[2 * s], briefs = e.score_components[2 * s + 1];
    EXPECT_EQ(briefs, -50.0f * static_cast<float>(e.rollouts.length(static_cast<std::int64_t>(s))));
    EXPECT_NEAR(e.scores[s], lows + 0.5f * briefs, 1e-4f);
  }
  const std::vector<double> want = reference(e.rollouts, e.score_components, {1.0, 0.25});
  double largest = 0;
  for (std::size_t s = 0; s < 32; ++s)
    for (auto r = e.rollouts.offsets[s]; r < e.rollouts.offsets[s + 1]; ++r) {
      EXPECT_NEAR(e.advantages[static_cast<std::size_t>(r)], want[s], 1e-5) << "answer " << s;
      largest = std::fmax(largest, std::fabs(want[s]));
    }
  EXPECT_GT(largest, 0.5);
  EXPECT_TRUE(report.has("reward/low_mean") && report.has("reward/brief_std"));
  EXPECT_NEAR(report.at("reward/score_mean"),
              report.at("reward/low_mean") + 0.5 * report.at("reward/brief_mean"), 1e-4);
}

TEST(ScoreComponents, FollowTheTreesThatAreTaken) {
  Llama actor = trained_in_full(1);
  const Algorithm gdpo{.advantage = advantage::Gdpo{}};
  train::OnlineTrainer trainer{actor, judge(), gdpo, options()};
  train::Report report;
  const auto e = trainer.judge(trainer.sample(prompts(4), report), report);
  const std::vector<std::int64_t> trees{2, 0};
  const auto part = e.pick(trees);
  ASSERT_EQ(part.score_components.size(), 16u);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(part.score_components[i], e.score_components[16 + i]);
    EXPECT_EQ(part.score_components[8 + i], e.score_components[i]);
  }
}

// A reward of one's own: anything with scores and parts.
struct Verdict {
  std::vector<float> scores;
  std::vector<std::vector<float>> parts;
};
Verdict own(const rollout::Rollouts& r) {
  Verdict v;
  v.parts.push_back(small_tokens(r));
  v.scores = v.parts[0];
  return v;
}

TEST(ScoreComponents, AnyStructWithScoresAndPartsIsAReward) {
  Llama actor = trained_in_full(1), plain = trained_in_full(1);
  const Algorithm gdpo{.advantage = advantage::Gdpo{}};
  train::OnlineTrainer trainer{actor, own, gdpo, options()};
  EXPECT_TRUE(trainer.step(prompts(8)).has("reward/part0_mean"));
  // Where the advantage reads no parts, the scores are all that counts.
  train::OnlineTrainer first{actor, own, Algorithm{}, options()};
  train::OnlineTrainer second{plain, small_tokens, Algorithm{}, options()};
  EXPECT_EQ(first.evaluate(prompts(3)).has("reward/part0_mean"), true);
  EXPECT_FALSE(second.evaluate(prompts(3)).has("reward/part0_mean"));
}

// The small part is learnt beside one that is hundreds of times its size.
TEST(ScoreComponents, BothPartsRise) {
  Llama actor = trained_in_full(1);
  train::OnlineOptions o = options();
  o.schedule.peak = 3e-3f;
  o.group_size = 8;
  train::OnlineTrainer trainer{actor, judge(), recipes::gdpo(), o};
  const train::Report before = trainer.evaluate(prompts(16));
  for (int i = 0; i < 25; ++i) trainer.step(prompts(8));
  const train::Report after = trainer.evaluate(prompts(16));
  EXPECT_GT(after.at("reward/low_mean"), before.at("reward/low_mean") + 0.1);
  EXPECT_GT(after.at("reward/brief_mean"), before.at("reward/brief_mean") + 50.0);
}

}  // namespace
