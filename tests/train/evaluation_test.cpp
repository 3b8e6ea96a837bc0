#include "hone/train/evaluation.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "../support/small_model.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/nll.hpp"
#include "hone/reward/completions.hpp"
#include "hone/reward/scale.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

TEST(Evaluation, BatchesCountByWhatTheyHold) {
  Llama model = trained_in_full(1);
  train::OfflineTrainer trainer{model, loss::Nll{}};
  const std::vector<data::Batch> held_out{batch(50, 2, 1), batch(51, 7, 1)};
  const auto a = trainer.evaluate(held_out[0]), b = trainer.evaluate(held_out[1]);
  const double n = a.at("tokens"), m = b.at("tokens");
  ASSERT_NE(n, m);
  const auto both = train::evaluate(trainer, held_out);
  EXPECT_EQ(both.at("eval/tokens"), n + m);
  EXPECT_NEAR(both.at("eval/loss"), (n * a.at("loss") + m * b.at("loss")) / (n + m), 1e-12);
  EXPECT_THROW(train::evaluate(trainer, std::vector<data::Batch>{}), Error);
}

TEST(Evaluation, EverySoManyStepsAndWithoutATrace) {
  Llama watched = trained_in_full(1), alone = trained_in_full(1);
  const train::OfflineOptions o{.schedule = {.peak = 1e-2f, .decay = train::Decay::constant},
                                .ema = train::Ema{.decay = 0.5f}};
  train::OfflineTrainer trainer{watched, loss::Nll{}, o}, other{alone, loss::Nll{}, o};
  train::Evaluation plain{.of = std::vector<data::Batch>{batch(50, 4, 1)}, .every = 3};
  auto averaged = plain;
  averaged.averaged = true;
  for (std::int64_t step = 0; step < 7; ++step) {
    auto report = trainer.step(batch(step, 4, 1)), same = report;
    EXPECT_EQ(other.step(batch(step, 4, 1)).metrics, report.metrics);
    plain(trainer, report);
    averaged(trainer, same);
    EXPECT_EQ(report.has("eval/loss"), step == 2 || step == 5);
    if (!report.has("eval/loss")) continue;
    EXPECT_NE(report.at("eval/loss"), same.at("eval/loss")) << "averages are other weights";
    EXPECT_EQ(report.at("eval/loss"), trainer.evaluate(plain.of[0]).at("loss"));
  }
  EXPECT_EQ(weights_of(watched), weights_of(alone));
  train::OfflineTrainer without{alone, loss::Nll{}};
  EXPECT_THROW(train::Averaged{without}, Error);
}

TEST(Evaluation, HeldOutPromptsAreAnsweredWithTheSameRandomNumbers) {
  Llama watched = trained_in_full(1), alone = trained_in_full(1);
  const Algorithm algorithm{.kl = kl::InLoss{.coef = 0.1f}};
  train::OnlineTrainer trainer{watched, small_tokens, algorithm, options()};
  train::OnlineTrainer other{alone, small_tokens, algorithm, options()};
  train::Evaluation held_out{.of = prompts(20, 50), .every = 1};
  double first = 0, last = 0;
  for (int step = 0; step < 12; ++step) {
    auto report = trainer.step(prompts(8));
    other.step(prompts(8));
    held_out(trainer, report);
    last = report.at("eval/reward/score_mean");
    if (step == 0) first = last;
    EXPECT_GT(report.at("eval/reward/kl"), 0.0);
    EXPECT_EQ(trainer.evaluate(held_out.of).at("reward/score_mean"), last);
  }
  EXPECT_GT(last, first + 0.1) << "what it learns shows on other prompts";
  EXPECT_EQ(weights_of(watched), weights_of(alone));
}

// std::ref(judge): a copy of the reference is no copy of the moments.
TEST(Evaluation, LeavesTheStateOfARewardAsItIs) {
  const auto brevity = [](const Completion& c) { return -static_cast<float>(c.tokens.size()); };
  const auto decode = [](std::span<const Token>) { return std::string(); };
  reward::OnText judge{reward::RunningNorm<decltype(brevity)>{brevity}, decode};
  reward::OnText unwatched = judge;
  Llama watched = trained_in_full(1), alone = trained_in_full(1);
  train::OnlineTrainer trainer{watched, std::ref(judge), Algorithm{}, options()};
  train::OnlineTrainer other{alone, std::ref(unwatched), Algorithm{}, options()};
  for (int step = 0; step < 3; ++step) {
    const auto report = trainer.step(prompts(4));
    EXPECT_EQ(other.step(prompts(4)).metrics, report.metrics);
    const auto before = judge.state();
    EXPECT_GT(before.moments.count, 0.0);
    const double score = trainer.evaluate(prompts(20, 50)).at("reward/score_mean");
    EXPECT_EQ(judge.state(), before);
    EXPECT_EQ(trainer.evaluate(prompts(20, 50)).at("reward/score_mean"), score);
    EXPECT_EQ(judge.last().size(), 80u) << "what was judged last can still be shown";
  }
  EXPECT_EQ(weights_of(watched), weights_of(alone));
}

}  // namespace
