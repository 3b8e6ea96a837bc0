// Reward models on the positions that their objective names, through the trainer.
#include "hone/train/score_pairs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/compared_at.hpp"
#include "hone/recipes/compat/deepspeed_chat.hpp"
#include "hone/train/offline_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

constexpr loss::ComparedAt deepspeed = recipes::compat::deepspeed_chat::reward_model();

void add_pair(data::Batch& b, const std::vector<Token>& prompt, const std::vector<Token>& chosen,
              const std::vector<Token>& rejected) {
  const std::int32_t root =
      b.forest.add_root(prompt, 10 + static_cast<std::uint64_t>(b.forest.trees()));
  b.trained.resize(static_cast<std::size_t>(b.forest.size()), 0);
  b.forest.add_child(root, chosen);
  b.forest.add_child(root, rejected);
  b.trained.resize(static_cast<std::size_t>(b.forest.size()), 1);
  b.scores.insert(b.scores.end(), {0.0f, 1.0f, 0.0f});
  b.pairs.push_back({root + 1, root + 2});
}

// Answers that differ at once, late, in length alone, and not at all.
data::Batch every_kind() {
  data::Batch b;
  add_pair(b, {1, 2}, {9, 8, 3}, {5, 6, 7, 20, 3});
  add_pair(b, {1, 4, 2}, {9, 8, 21, 22}, {9, 8, 30, 3});
  add_pair(b, {6}, {11, 12, 13}, {11, 12});
  add_pair(b, {7, 7}, {14, 15, 3}, {14, 15, 3});
  return b;
}

struct Judge {
  Llama decoder = trained_in_full(11);
  model::ScalarHead<model::Parameter> head{32};
  Judge() {
    head.randomise(4);
    head.set_trainable(true);
  }
  train::ScalarModel<Llama> model() { return {&decoder, &head}; }
};

TEST(ScorePairs, NameTheTokensOfTheForest) {
  const data::Batch b = every_kind();
  EXPECT_EQ(train::rows_of_sequence(b.forest, 2), (std::vector<std::int64_t>{0, 1, 5, 6, 7, 8, 9}));
  const auto ends = train::score_pairs(b, loss::EndScores{}, 2.0f, 0.25f);
  ASSERT_EQ(ends.size(), 4u);
  EXPECT_EQ(ends[0].chosen, 4);
  EXPECT_EQ(ends[0].rejected, 9);
  EXPECT_EQ(ends[0].margin, 2.0f);
  EXPECT_EQ(ends[0].weight, 0.25f);
  // 5 positions, 2, 1 (the third answer's last token against the second's), 1 (equal answers).
  const auto all = train::score_pairs(b, loss::FromDivergence{}, 0.0f, 0.25f);
  ASSERT_EQ(all.size(), 9u);
  EXPECT_EQ(all[3].chosen, 4) << "the last score of the shorter answer stands for what it lacks";
  EXPECT_EQ(all[3].rejected, 8);
  EXPECT_EQ(all[3].weight, 0.25f / 5);
  EXPECT_EQ(all[8].weight, 0.25f);
}

// The loss and its derivative by every score in double: for each pair the mean of
// -log sigmoid(c_t - r_t) from the first difference to the end of the longer answer.
struct Reference {
  double loss = 0;
  std::vector<double> slopes;
};
Reference from_divergence(const data::Batch& b, const std::vector<float>& scores) {
  Reference out{.slopes = std::vector<double>(scores.size(), 0.0)};
  for (const auto& [better, worse] : b.pairs) {
    const auto tokens = [&](std::int32_t s) { return b.forest.tokens(s); };
    const auto c = tokens(better), r = tokens(worse);
    const auto c0 = b.forest.segments()[static_cast<std::size_t>(better)].begin;
    const auto r0 = b.forest.segments()[static_cast<std::size_t>(worse)].begin;
    const std::size_t end = std::max(c.size(), r.size());
    std::size_t first = 0;
    while (first < std::min(c.size(), r.size()) && c[first] == r[first]) ++first;
    first = std::min(first, end - 1);
    const double share =
        1.0 / static_cast<double>(b.pairs.size()) / static_cast<double>(end - first);
    for (std::size_t t = first; t < end; ++t) {
      const auto at_c = static_cast<std::size_t>(c0) + std::min(t, c.size() - 1);
      const auto at_r = static_cast<std::size_t>(r0) + std::min(t, r.size() - 1);
      const double d = static_cast<double>(scores[at_c]) - static_cast<double>(scores[at_r]);
      out.loss += share * std::log1p(std::exp(-d));
      const double slope = -share / (1.0 + std::exp(d));
      out.slopes[at_c] += slope;
      out.slopes[at_r] -= slope;
    }
  }
  return out;
}

TEST(ScorePairs, TheTrainersLossAndGradientAreThoseOfTheFormulaInDouble) {
  Judge judge;
  auto model = judge.model();
  const data::Batch b = every_kind();
  const Reference want = from_divergence(b, train::scalars(model, b.forest));
  train::OfflineOptions o;
  o.schedule = {.peak = 0.0f, .decay = train::Decay::constant};
  train::OfflineTrainer trainer{model, deepspeed, o};
  EXPECT_NEAR(trainer.evaluate(b).at("loss"), want.loss, 1e-6 * want.loss);
  EXPECT_NEAR(trainer.step(b).at("loss"), want.loss, 1e-6 * want.loss);

  // dL/dw = sum over tokens of dL/ds_t h_t, from the model's own hidden states.
  Llama::Pass pass({.record = false});
  const auto h = judge.decoder.run(pass, b.forest);
  std::vector<float> found(32);
  judge.head.weight.gradient_to_file(found);
  double largest = 0;
  for (std::int64_t i = 0; i < 32; ++i) {
    double sum = 0;
    for (std::int64_t t = 0; t < b.forest.size(); ++t)
      sum += want.slopes[static_cast<std::size_t>(t)] *
             static_cast<double>(h.data()[t * h.stride() + i]);
    EXPECT_NEAR(found[static_cast<std::size_t>(i)], sum, 2e-6) << i;
    largest = std::max(largest, std::fabs(sum));
  }
  EXPECT_GT(largest, 1e-2);
}

TEST(ScorePairs, PositionsChangeWhatIsLearnt) {
  Judge judge;
  auto model = judge.model();
  const data::Batch b = every_kind();
  train::OfflineTrainer ends{model, loss::BradleyTerry{}};
  train::OfflineTrainer named{model, loss::ComparedAt{loss::BradleyTerry{}, loss::EndScores{}}};
  train::OfflineTrainer all{model, deepspeed};
  EXPECT_EQ(named.evaluate(b).at("loss"), ends.evaluate(b).at("loss"));
  EXPECT_NE(all.evaluate(b).at("loss"), ends.evaluate(b).at("loss"));
}

std::vector<float> trained(std::int64_t microbatch_tokens, double& first, double& last,
                           double& accuracy) {
  Judge judge;
  auto model = judge.model();
  train::OfflineTrainer trainer{model,
                                deepspeed,
                                {.schedule = {.peak = 3e-3f, .decay = train::Decay::constant},
                                 .microbatch_tokens = microbatch_tokens}};
  data::Batch b = every_kind();
  for (int step = 0; step < 30; ++step) {
    const train::Report report = trainer.step(b);
    if (step == 0) first = report.at("loss");
    last = report.at("loss");
    accuracy = report.at("rewards/accuracy");
  }
  return weights_of(judge.decoder);
}

TEST(ScorePairs, AModelLearnsFromEveryPositionAndMicroBatchesChangeNoBit) {
  double first = 0, last = 0, accuracy = 0;
  const std::vector<float> whole = trained(8192, first, last, accuracy);
  // Equal answers cannot be told apart: a quarter of the loss stays at log 2.
  EXPECT_GT(first, 0.5);
  EXPECT_LT(last, 0.25 * std::log(2.0) + 0.1);
  EXPECT_EQ(accuracy, 0.875) << "three pairs in order, one of equal answers";
  const std::vector<float> parts = trained(1, first, last, accuracy);
  ASSERT_EQ(parts.size(), whole.size());
  EXPECT_EQ(std::memcmp(parts.data(), whole.data(), whole.size() * sizeof(float)), 0);
}

}  // namespace
