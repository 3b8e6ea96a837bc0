#include "hone/reward/function.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "hone/reward/scale.hpp"
#include "hone/reward/sum.hpp"

namespace {

using namespace hone;
using reward::Batch;

std::vector<Completion> answers(std::initializer_list<int> lengths) {
  std::vector<Completion> out;
  for (const int n : lengths)
    out.push_back({.tokens = std::vector<Token>(static_cast<std::size_t>(n), 7),
                   .id = 5,
                   .index = static_cast<std::int32_t>(out.size())});
  return out;
}

constexpr auto length = [](const auto& c) { return c.tokens.size(); };

struct Counting {
  struct State {
    double batches = 0;
    template <class Visit>
    void each(Visit&& visit) {
      visit(batches);
    }
    bool operator==(const State&) const = default;
  };
  std::vector<double> operator()(Batch batch, State& state) const {
    return std::vector<double>(batch.size(), ++state.batches);
  }
};

TEST(Reward, TakesEveryForm) {
  const auto batch = answers({3, 0, 5});
  EXPECT_EQ(reward::evaluate(length, batch), (std::vector<float>{3, 0, 5}));
  constexpr auto brevity = [](const Completion& c) { return -0.01f * c.tokens.size(); };
  EXPECT_FLOAT_EQ(reward::evaluate(brevity, batch)[2], -0.05f);
  const auto model = [](Batch b) { return std::vector<double>(b.size(), 0.5); };
  EXPECT_EQ(reward::evaluate(model, batch), (std::vector<float>{0.5f, 0.5f, 0.5f}));
  Counting::State state;
  reward::evaluate(Counting{}, batch, state);
  EXPECT_EQ(reward::evaluate(Counting{}, batch, state), (std::vector<float>{2, 2, 2}));

  static_assert(reward::Reward<decltype(length)>);
  static_assert(reward::Reward<Counting>);
  static_assert(!reward::Reward<int>);
  static_assert(std::is_same_v<reward::State<decltype(length)>, reward::Stateless>);
  EXPECT_TRUE(reward::evaluate(length, {}).empty());
}

TEST(Reward, RefusesScoresThatAreNoneAndTheWrongNumberOfThem) {
  const auto batch = answers({1, 2});
  const auto poison = [](const Completion& c) {
    return c.index == 1 ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
  };
  try {
    reward::evaluate(poison, batch);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "the score of answer 1 to prompt 5 is nan, expected a finite number");
  }
  const auto few = [](Batch) { return std::vector<float>{1}; };
  EXPECT_THROW(reward::evaluate(few, batch), Error);
}

TEST(Sum, WeighsItsPartsAndShowsThem) {
  const auto batch = answers({4, 1});
  const reward::Sum sum{reward::Named{"length", 0.5f, length},
                        reward::Named{"count", 2.0f, Counting{}},
                        reward::Named{"clipped", 1.0f, reward::Clip{.reward = length, .high = 2}}};
  reward::State<decltype(sum)> state{};
  EXPECT_EQ(reward::evaluate(sum, batch, state), (std::vector<float>{2 + 2 + 2, 0.5f + 2 + 1}));
  const auto parts = sum.breakdown(batch, state);
  EXPECT_EQ(parts.names, (std::array<std::string, 3>{"length", "count", "clipped"}));
  EXPECT_EQ(parts.parts[1], (std::vector<float>{2, 2}));
  EXPECT_EQ(parts.scores, (std::vector<float>{2 + 4 + 2, 0.5f + 4 + 1}));
  std::vector<double> numbers;
  state.each([&](double& n) { numbers.push_back(n); });
  EXPECT_EQ(numbers, (std::vector<double>{2}));
}

TEST(Clip, HoldsScoresInItsRange) {
  const reward::Clip clip{.reward = length, .low = 1, .high = 4};
  EXPECT_EQ(reward::evaluate(clip, answers({0, 3, 9})), (std::vector<float>{1, 3, 4}));
  const reward::Clip wrong{.reward = length, .low = 4, .high = 1};
  EXPECT_THROW(reward::evaluate(wrong, answers({1})), Error);
}

TEST(RunningNorm, KeepsTheMomentsOfAllScores) {
  const reward::RunningNorm norm{.reward = length};
  reward::State<decltype(norm)> state{};
  std::vector<double> all;
  std::uint32_t random = 1;
  for (int step = 0; step < 50; ++step) {
    std::vector<Completion> batch;
    for (int i = 0; i < 1 + step % 7; ++i) {
      random = random * 1664525u + 1013904223u;
      batch.push_back({.tokens = std::vector<Token>(100 + (random >> 28), 1)});
      all.push_back(static_cast<double>(batch.back().tokens.size()));
    }
    const auto scores = reward::evaluate(norm, batch, state);
    double mean = 0, squares = 0;
    for (const double x : all) mean += x / static_cast<double>(all.size());
    for (const double x : all) squares += (x - mean) * (x - mean);
    const double deviation =
        all.size() > 1 ? std::sqrt(squares / static_cast<double>(all.size() - 1) + 1e-8) : 1e-4;
    for (std::size_t i = 0; i < batch.size(); ++i)
      ASSERT_NEAR(scores[i], (static_cast<double>(batch[i].tokens.size()) - mean) / deviation,
                  1e-5);
  }
  EXPECT_EQ(state.moments.count, static_cast<double>(all.size()));
}

TEST(RunningNorm, IsDefinedForOneScoreAndForEqualOnes) {
  const reward::RunningNorm norm{.reward = length};
  EXPECT_EQ(reward::evaluate(norm, answers({3})), (std::vector<float>{0}));
  EXPECT_EQ(reward::evaluate(norm, answers({3, 3, 3})), (std::vector<float>{0, 0, 0}));
  EXPECT_TRUE(reward::evaluate(norm, {}).empty());
}

TEST(RunningNorm, DoesNotDependOnTheOrderInABatchNorOnARestart) {
  std::vector<Completion> batch = answers({3, 17, 4, 90, 2, 55, 8, 13});
  const reward::RunningNorm norm{
      .reward = [](const Completion& c) { return std::sqrt(static_cast<float>(c.tokens.size())); }};
  reward::State<decltype(norm)> a{}, b{};
  for (int step = 0; step < 5; ++step) {
    const auto x = reward::evaluate(norm, batch, a);
    std::reverse(batch.begin(), batch.end());
    auto y = reward::evaluate(norm, batch, b);
    std::reverse(y.begin(), y.end());
    ASSERT_EQ(x, y);
    ASSERT_EQ(a, b);
  }
  std::vector<double> saved;
  a.each([&](double& n) { saved.push_back(n); });
  reward::State<decltype(norm)> restored{};
  std::size_t at = 0;
  restored.each([&](double& n) { n = saved[at++]; });
  EXPECT_EQ(restored, a);
  EXPECT_EQ(at, 3u);
}

}  // namespace
