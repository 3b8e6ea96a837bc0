#include "hone/train/mismatched.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "../support/small_model.hpp"
#include "hone/loss/kto.hpp"
#include "hone/train/offline_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

std::vector<Token> tokens_of(const Forest& forest, std::int32_t segment) {
  const auto t = forest.tokens(segment);
  return {t.begin(), t.end()};
}

TEST(Mismatched, EveryPromptGetsTheAnswersOfTheOneBefore) {
  const data::Batch given = batch(0, 3, 2);
  const data::Batch moved = train::mismatched(given);
  ASSERT_EQ(moved.forest.trees(), 3);
  for (std::int32_t tree = 0; tree < 3; ++tree) {
    EXPECT_EQ(tokens_of(moved.forest, 3 * tree), tokens_of(given.forest, 3 * tree));
    for (std::int32_t a = 1; a <= 2; ++a)
      EXPECT_EQ(tokens_of(moved.forest, 3 * tree + a),
                tokens_of(given.forest, 3 * ((tree + 2) % 3) + a));
  }
  EXPECT_EQ(moved.answers(), given.answers());
  EXPECT_TRUE(train::mismatched(batch(0, 1, 2)).forest.empty()) << "one prompt has no stranger";
  EXPECT_THROW(train::mismatched(batch(0, 3, 0)), Error) << "text without a prompt";
}

// The log-ratio of an answer after a prompt, from a forest of their own.
double log_ratio(Llama& model, const std::vector<Token>& prompt, const std::vector<Token>& answer) {
  Forest forest;
  const std::int32_t root = forest.add_root(prompt);
  const std::int32_t child = forest.add_child(root, answer);
  train::HeadRows rows;
  for (std::int64_t t = forest.segments()[1].begin; t < forest.size(); ++t)
    rows.add(forest, child, t);
  const auto now = train::score(model, forest, rows).logprobs;
  const auto ref = train::score(model, forest, rows, {.adapters = false}).logprobs;
  double sum = 0;
  for (std::size_t i = 0; i < now.size(); ++i)
    sum += static_cast<double>(now[i]) - static_cast<double>(ref[i]);
  return sum;
}

// TRL's KTOTrainer: completions[-1:] + completions[:-1] under the prompts of the batch,
// kl = mean(log-ratios).clamp(min=0), then 1 - sigmoid(beta (logratio - kl)) of a desirable answer
// and 1 - sigmoid(beta (kl - logratio)) of an undesirable one, mean over the batch.
TEST(Mismatched, KtoIsThatOfTrl) {
  bool clamped = false, positive = false;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    Llama model{small()};
    model.randomise(seed, 0.2f);
    model::attach(model, {.rank = 4, .alpha = 8.0f, .seed = seed});
    model::for_each_adapter_parameter(model, [&](model::Parameter& p) { p.randomise(seed, 0.1f); });
    const data::Batch given = batch(static_cast<std::int64_t>(seed), 5, 1);
    std::vector<std::vector<Token>> asked, answered;
    for (std::int32_t tree = 0; tree < 5; ++tree) {
      asked.push_back(tokens_of(given.forest, 2 * tree));
      answered.push_back(tokens_of(given.forest, 2 * tree + 1));
    }
    double kl = 0;
    for (std::size_t i = 0; i < 5; ++i) kl += log_ratio(model, asked[i], answered[(i + 4) % 5]) / 5;
    (kl > 0 ? positive : clamped) = true;
    kl = std::max(kl, 0.0);
    const loss::Kto kto{.beta = 0.5f, .desirable_weight = 1.5f};
    double want = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      const double ratio = log_ratio(model, asked[i], answered[i]);
      const bool good = given.scores[2 * i + 1] > 0;
      const double gain = 0.5 * (good ? ratio - kl : kl - ratio);
      want += (good ? 1.5 : 1.0) * (1 - 1 / (1 + std::exp(-gain))) / 5;
    }
    train::OfflineTrainer trainer{model, kto, {.microbatch_tokens = 20}};
    const auto report = trainer.evaluate(given);
    EXPECT_NEAR(report.at("loss/kto_baseline"), kl, 1e-5) << "seed " << seed;
    EXPECT_NEAR(report.at("loss"), want, 1e-6) << "seed " << seed;
    EXPECT_EQ(trainer.step(given).at("loss"), report.at("loss"));
  }
  EXPECT_TRUE(clamped && positive) << "both sides of the clamp";
}

}  // namespace
