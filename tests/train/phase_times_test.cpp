#include "hone/train/phase_times.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "../support/small_model.hpp"
#include "hone/report/metric.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

// A reward that takes its time is seen in the time of scoring, and nowhere else.
TEST(PhaseTimes, EachPhaseHasItsSecondsAndAStepBeginsAnew) {
  using namespace std::chrono_literals;
  const auto slow = [](const rollout::Rollouts& r) {
    std::this_thread::sleep_for(50ms);
    return small_tokens(r);
  };
  Llama actor = trained_in_full(1);
  train::OnlineTrainer trainer{actor, slow, Algorithm{}, options()};
  for (int step = 0; step < 3; ++step) {
    const auto begin = std::chrono::steady_clock::now();
    train::Report report = trainer.step(prompts(4));
    const double whole =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    EXPECT_FALSE(report.has("time/step"));
    const std::size_t before = report.metrics.size();
    const train::PhaseTimes& times = trainer.times();
    times.write(report);
    EXPECT_GT(times.rollout, 0.0);
    EXPECT_GT(times.update, 0.0);
    EXPECT_GE(times.score, 0.05);
    EXPECT_LE(report.at("time/step"), whole);
    EXPECT_GE(report.at("time/step"), times.rollout + times.score);
    // Four prompts, all answers together.
    const double tokens = report.at("rollout/length_mean") * 4 * trainer.options().group_size;
    EXPECT_NEAR(report.at("rollout/tokens_per_second") * times.rollout, tokens, 1e-6 * tokens);
    for (std::size_t i = before; i < report.metrics.size(); ++i)
      EXPECT_NE(report::find_metric(report.metrics[i].first), nullptr) << report.metrics[i].first;
  }
}

// Whoever drives the phases by hand has their times as well; an evaluation is none of them.
TEST(PhaseTimes, ArePartOfThePhases) {
  Llama actor = trained_in_full(1);
  train::OnlineTrainer trainer{actor, small_tokens, Algorithm{}, options()};
  train::Report report;
  trainer.sample(prompts(4), report);
  const train::PhaseTimes once = trainer.times();
  EXPECT_GT(once.rollout, 0.0);
  EXPECT_EQ(once.score, 0.0);
  EXPECT_EQ(once.update, 0.0);
  trainer.evaluate(prompts(4));
  EXPECT_EQ(trainer.times().rollout, once.rollout);
}

}  // namespace
