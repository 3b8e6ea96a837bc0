#include "hone/loss/evaluate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "hone/kl/in_loss.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sum.hpp"
#include "hone/loss/value_clip.hpp"

namespace hone {
namespace {

const auto objective = loss::sum_of(loss::PpoClip{}, kl::InLoss{}, loss::EntropyBonus{});
using Objective = std::remove_const_t<decltype(objective)>;

struct Batch {
  std::vector<float> logprob, old_logprob, ref_logprob, advantage, entropy, weights;
  std::vector<float> by_logprob, by_entropy;

  explicit Batch(std::size_t n, unsigned seed = 1) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> draw;
    for (auto* column : {&logprob, &old_logprob, &ref_logprob, &advantage, &entropy, &weights}) {
      column->resize(n);
      for (float& x : *column) x = draw(engine);
    }
    for (std::size_t i = 0; i < n; ++i) {
      logprob[i] = -std::fabs(logprob[i]);
      old_logprob[i] = logprob[i] + 0.3f * old_logprob[i];
      ref_logprob[i] = logprob[i] + 0.5f * ref_logprob[i];
      weights[i] = weights[i] < -0.5f ? 0.0f : 1.0f / static_cast<float>(n);
    }
    by_logprob.assign(n, 7);
    by_entropy.assign(n, 7);
  }
  TokenInputs<loss::Column> columns() const {
    return {.logprob = logprob,
            .entropy = entropy,
            .old_logprob = old_logprob,
            .ref_logprob = ref_logprob,
            .advantage = advantage};
  }
  TokenInputs<loss::Derivative> slopes() { return {.logprob = by_logprob, .entropy = by_entropy}; }
  TokenInputs<float> row(std::size_t i) const {
    return {.logprob = logprob[i],
            .entropy = entropy[i],
            .old_logprob = old_logprob[i],
            .ref_logprob = ref_logprob[i],
            .advantage = advantage[i]};
  }
};

TEST(Evaluate, IsTheWeightedSumOfItsRows) {
  for (const std::size_t n : {0, 1, 15, 16, 17, 511, 512, 513, 1000}) {
    Batch b(n);
    const double total = loss::evaluate(objective, b.columns(), b.weights, b.slopes()).value();
    double expected = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto d = differentiate(objective, b.row(i));
      expected += static_cast<double>(b.weights[i]) * d.value;
      ASSERT_EQ(b.by_logprob[i], b.weights[i] * d.slope.logprob) << i << " of " << n;
      ASSERT_EQ(b.by_entropy[i], b.weights[i] * d.slope.entropy) << i << " of " << n;
    }
    EXPECT_NEAR(total, expected, 1e-6 * (1 + std::fabs(expected)));
  }
}

// A loop for each value of an option.
TEST(Evaluate, AnOptionOnOrOffIsThatOfTheFormula) {
  auto other = objective;
  const bool& unbiased = other.first.second.unbiased;
  other.first.second.unbiased = !unbiased;
  ASSERT_EQ(option(other), &unbiased);
  Batch b(1000);
  loss::evaluate(other, b.columns(), b.weights, b.slopes());
  for (std::size_t i = 0; i < 1000; ++i)
    ASSERT_EQ(b.by_logprob[i], b.weights[i] * differentiate(other, b.row(i)).slope.logprob) << i;
}

// Limits that are off have a loop of their own, without them.
TEST(Evaluate, LimitsThatDoNotBindChangeNoBit) {
  constexpr float far = 1e30f;
  const auto limited = loss::sum_of(
      loss::PpoClip{.dual_clip = far, .ratio_cap = far, .log_ratio_limit = far},
      kl::InLoss{.estimator = kl::K3{.log_ratio_limit = far, .limit = far}}, loss::EntropyBonus{});
  auto copy = limited;
  ASSERT_FALSE(copy.limits_off());
  copy.first.first = {.clip_low = 0.1f};
  ASSERT_FALSE(copy.limits_off()) << "the penalty's are still on";
  auto off = objective;
  ASSERT_TRUE(off.limits_off());
  ASSERT_EQ(off, objective);
  Batch a(1000), b(1000);
  const double with = loss::evaluate(limited, a.columns(), a.weights, a.slopes()).value();
  const double without = loss::evaluate(objective, b.columns(), b.weights, b.slopes()).value();
  EXPECT_EQ(with, without);
  EXPECT_EQ(a.by_logprob, b.by_logprob);
  EXPECT_EQ(a.by_entropy, b.by_entropy);
}

TEST(Evaluate, AddsIfAsked) {
  Batch b(40), again(40);
  loss::evaluate(objective, b.columns(), b.weights, b.slopes());
  loss::evaluate(objective, again.columns(), again.weights, again.slopes(), loss::Write::add);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(again.by_logprob[i], 7 + b.by_logprob[i]);
}

TEST(Evaluate, WhatStandsAtMaskedRowsNeverLeaks) {
  Batch clean(100), dirty(100);
  for (std::size_t i = 0; i < 100; ++i)
    if (dirty.weights[i] == 0) {
      dirty.logprob[i] = NAN;
      dirty.old_logprob[i] = INFINITY;
      dirty.ref_logprob[i] = -INFINITY;
      dirty.advantage[i] = NAN;
      dirty.entropy[i] = NAN;
    }
  const double a =
      loss::evaluate(objective, clean.columns(), clean.weights, clean.slopes()).value();
  const double b =
      loss::evaluate(objective, dirty.columns(), dirty.weights, dirty.slopes()).value();
  EXPECT_EQ(a, b);
  for (std::size_t i = 0; i < 100; ++i) {
    ASSERT_EQ(clean.by_logprob[i], dirty.by_logprob[i]) << i;
    ASSERT_EQ(clean.by_entropy[i], dirty.by_entropy[i]) << i;
    if (dirty.weights[i] == 0) {
      ASSERT_EQ(dirty.by_logprob[i], 0.0f) << i;
    }
  }
}

TEST(Evaluate, ThreadsMicroBatchesAndOrderChangeNoBit) {
  const std::size_t n = 50'000;
  Batch whole(n);
  const int before = threads();
  set_threads(1);
  const double expected =
      loss::evaluate(objective, whole.columns(), whole.weights, whole.slopes()).value();
  for (const int t : {2, 3, 4}) {
    Batch again(n);
    set_threads(t);
    EXPECT_EQ(loss::evaluate(objective, again.columns(), again.weights, again.slopes()).value(),
              expected)
        << t << " threads";
    EXPECT_EQ(again.by_logprob, whole.by_logprob);
  }
  set_threads(before);

  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(3));
  Batch shuffled(n);
  for (std::size_t i = 0; i < n; ++i) {
    shuffled.logprob[i] = whole.logprob[order[i]];
    shuffled.old_logprob[i] = whole.old_logprob[order[i]];
    shuffled.ref_logprob[i] = whole.ref_logprob[order[i]];
    shuffled.advantage[i] = whole.advantage[order[i]];
    shuffled.entropy[i] = whole.entropy[order[i]];
    shuffled.weights[i] = whole.weights[order[i]];
  }
  OrderFreeSum<> total;
  for (std::size_t begin = 0; begin < n;) {
    const std::size_t m = std::min<std::size_t>(n - begin, 1 + (begin * 7919) % 9000);
    const auto part = [&](auto column) {
      return column.empty() ? column : column.subspan(begin, m);
    };
    auto columns = shuffled.columns();
    columns.each([&](loss::Column& c) { c = part(c); }, columns);
    auto slopes = shuffled.slopes();
    slopes.each([&](loss::Derivative& c) { c = part(c); }, slopes);
    total.add(loss::evaluate(objective, columns, part(loss::Column(shuffled.weights)), slopes));
    begin += m;
  }
  EXPECT_EQ(total.value(), expected);
  for (std::size_t i = 0; i < n; ++i)
    ASSERT_EQ(shuffled.by_logprob[i], whole.by_logprob[order[i]]) << i;
}

TEST(Evaluate, ColumnsThatAreNotReadMayBeAbsent) {
  Batch b(20);
  const auto total =
      loss::evaluate(loss::PpoClip{},
                     {.logprob = b.logprob, .old_logprob = b.old_logprob, .advantage = b.advantage},
                     b.weights, {.logprob = b.by_logprob, .entropy = b.by_entropy});
  EXPECT_TRUE(std::isfinite(total.value()));
  EXPECT_EQ(b.by_entropy[0], 7.0f);  // not touched: the loss has no derivative by the entropy
}

TEST(Evaluate, AColumnThatIsMissingIsNamed) {
  Batch b(20);
  try {
    loss::evaluate(loss::PpoClip{}, {.logprob = b.logprob, .advantage = b.advantage}, b.weights,
                   {});
    FAIL() << "a missing column went unnoticed";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("old_logprob"), std::string::npos) << e.what();
  }
}

TEST(Evaluate, FirstPassIsMinusTheMeanAdvantage) {
  Batch b(333);
  b.old_logprob = b.logprob;
  std::fill(b.weights.begin(), b.weights.end(), 1.0f / 333);
  const auto total = loss::evaluate(loss::PpoClip{}, b.columns(), b.weights, b.slopes()).value();
  const double mean = std::accumulate(b.advantage.begin(), b.advantage.end(), 0.0) / 333;
  EXPECT_NEAR(total, -mean, 1e-7);
  for (std::size_t i = 0; i < 333; ++i) ASSERT_EQ(b.by_logprob[i], b.weights[i] * -b.advantage[i]);
}

TEST(Evaluate, ValuesToo) {
  const std::vector<float> value{1, 2, 3}, old_value{1, 1, 1}, ret{2, 2, 2}, weights{0.5f, 0, 0.5f};
  std::vector<float> by_value(3);
  const auto total = loss::evaluate(loss::ValueClip{.value_clip = 0.5f},
                                    {.value = value, .old_value = old_value, .ret = ret}, weights,
                                    {.value = by_value});
  EXPECT_EQ(total.value(), 0.25 + 0.25);
  EXPECT_EQ(by_value, (std::vector<float>{-0.5f, 0, 0.5f}));
}

}  // namespace
}  // namespace hone
