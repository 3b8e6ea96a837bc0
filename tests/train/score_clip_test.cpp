// What score_clip limits: the scores that are learnt from, those of greedy answers as well; never
// what is reported.
#include <gtest/gtest.h>

#include "../support/small_model.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

TEST(ScoreClip, LimitsScoresAndTheGreedyBaselineAlike) {
  Llama actor = trained_in_full(1);
  const auto huge = [](const rollout::Rollouts& r) {
    std::vector<float> scores = small_tokens(r);
    for (std::size_t s = 0; s < scores.size(); ++s) scores[s] += s % 2 ? 100.0f : 50.0f;
    return scores;
  };
  train::OnlineOptions o = options();
  o.score_clip = 2.5f;
  train::OnlineTrainer trainer{actor, huge, Algorithm{.advantage = advantage::ReMax{}}, o};
  train::Report report;
  auto e = trainer.judge(trainer.sample(prompts(3), report), report);
  EXPECT_GT(report.at("reward/score_mean"), 50.0) << "reported as the reward gave it";
  EXPECT_EQ(e.scores, std::vector<float>(12, 2.5f));
  EXPECT_EQ(e.greedy_scores, std::vector<float>(12, 2.5f));
  trainer.penalise(e, report);
  trainer.estimate(e, report);
  for (const float a : e.advantages)
    EXPECT_EQ(a, 0.0f) << "no answer is better than the greedy one";

  o.score_clip = 75.0f;
  train::OnlineTrainer wide{actor, huge, Algorithm{.advantage = advantage::ReMax{}}, o};
  const auto some = wide.judge(wide.sample(prompts(3), report), report);
  for (std::size_t s = 0; s < some.scores.size(); ++s) {
    EXPECT_LE(some.scores[s], s % 2 ? 75.0f : 51.0f);
    EXPECT_GE(some.scores[s], s % 2 ? 75.0f : 50.0f);
  }
}

}  // namespace
