#include "hone/loss/sequences.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "hone/loss/dpo.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/ipo.hpp"
#include "hone/loss/kto.hpp"
#include "hone/loss/orpo.hpp"
#include "hone/loss/simpo.hpp"

namespace hone {
namespace {

struct Batch {
  std::vector<std::int64_t> offsets{0, 4, 4, 9, 10, 17};
  std::vector<std::uint8_t> mask = std::vector<std::uint8_t>(17, 1);
  std::vector<float> logprob, old_logprob, ref_logprob, advantage, entropy;
  std::vector<float> label{1, 0, 0, 1, 0};

  explicit Batch(unsigned seed = 4) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> draw;
    mask[2] = mask[5] = mask[6] = 0;
    for (int t = 0; t < 17; ++t) {
      logprob.push_back(-std::fabs(draw(engine)));
      old_logprob.push_back(logprob.back() + 0.2f * draw(engine));
      ref_logprob.push_back(logprob.back() + 0.2f * draw(engine));
      advantage.push_back(t < 4 ? 1.5f : t < 10 ? -0.5f : 0.75f);
      entropy.push_back(std::fabs(draw(engine)));
    }
  }
  loss::SequenceBatch view() const {
    loss::SequenceBatch b;
    b.offsets = offsets;
    b.mask = mask;
    b.tokens = {.logprob = logprob,
                .entropy = entropy,
                .old_logprob = old_logprob,
                .ref_logprob = ref_logprob,
                .advantage = advantage};
    b.label = label;
    b.baseline = 0.125;
    return b;
  }
  // The sum of a column over the sampled tokens of sequence s, and their number.
  double sum(const std::vector<float>& column, int s) const {
    double total = 0;
    for (auto t = offsets[s]; t < offsets[s + 1]; ++t)
      if (mask[t]) total += column[t];
    return total;
  }
  double length(int s) const { return sum(std::vector<float>(17, 1), s); }
};

const std::vector<float> weights{0.25f, 0.25f, 0.25f, 0.25f, 0.25f};
const std::vector<loss::Pair> pairs{
    {.chosen = 0, .rejected = 2, .weight = 0.5f},
    {.chosen = 4, .rejected = 2, .weight = 0.25f},
    {.chosen = 3, .rejected = 1, .weight = 0.25f}};  // the second one has no token

// The derivative by every token against central differences of the loss itself.
template <class Loss>
void check_tokens(const Loss& evaluate) {
  Batch b;
  std::vector<float> slope(17);
  const double at = evaluate(b, slope);
  ASSERT_TRUE(std::isfinite(at));
  for (std::size_t t = 0; t < 17; ++t) {
    const float x = b.logprob[t], h = 1e-2f;
    std::vector<float> unused(17);
    b.logprob[t] = x + h;
    const double up = evaluate(b, unused);
    b.logprob[t] = x - h;
    const double down = evaluate(b, unused);
    const double width = static_cast<double>(x + h) - static_cast<double>(x - h);
    b.logprob[t] = x;
    if (!b.mask[t])
      EXPECT_EQ(slope[t], 0.0f) << "masked token " << t;
    else
      EXPECT_NEAR(slope[t], (up - down) / width, 2e-4) << "token " << t;
  }
}

template <class F>
auto over_sequences(const F& f) {
  return [f](const Batch& b, std::vector<float>& slope) {
    return loss::evaluate_sequences(f, b.view(), weights, {.logprob = slope}).value();
  };
}
template <class F>
auto over_pairs(const F& f) {
  return [f](const Batch& b, std::vector<float>& slope) {
    return loss::evaluate_pairs(f, b.view(), pairs, {.logprob = slope}).loss.value();
  };
}

TEST(Sequences, DerivativesByTokensAreFiniteDifferences) {
  check_tokens(over_sequences(loss::Gspo{.clip = {.clip_low = 0.5f, .clip_high = 0.5f}}));
  check_tokens(over_sequences(loss::Gmpo{}));
  check_tokens(over_sequences(loss::Kto{.beta = 0.5f}));
}

TEST(Pairs, DerivativesByTokensAreFiniteDifferences) {
  check_tokens(over_pairs(loss::Dpo{.beta = 0.5f, .label_smoothing = 0.125f}));
  check_tokens(over_pairs(loss::Ipo{.beta = 0.5f}));
  check_tokens(over_pairs(loss::SimPo{}));
  check_tokens(over_pairs(loss::Orpo{}));
}

TEST(Sequences, GspoByHand) {
  const Batch b;
  std::vector<float> slope(17);
  const double total =
      loss::evaluate_sequences(loss::Gspo{}, b.view(), weights, {.logprob = slope}).value();
  double expected = 0;
  for (const int s : {0, 2, 3, 4}) {
    const double r = std::exp((b.sum(b.logprob, s) - b.sum(b.old_logprob, s)) / b.length(s));
    const double a = b.sum(b.advantage, s) / b.length(s);
    expected -=
        0.25 * std::min(r * a, std::min(std::max(r, double(1 - 0.2f)), double(1 + 0.2f)) * a);
  }
  EXPECT_NEAR(total, expected, 1e-12);
}

TEST(Sequences, GmpoByHand) {
  const Batch b;
  const loss::Gmpo f{.log_clip_low = 0.125f, .log_clip_high = 0.125f};
  std::vector<float> slope(17);
  const double total = loss::evaluate_sequences(f, b.view(), weights, {.logprob = slope}).value();
  double expected = 0;
  for (const int s : {0, 2, 3, 4}) {
    double sum = 0;
    for (auto t = b.offsets[s]; t < b.offsets[s + 1]; ++t) {
      const double l = double(b.logprob[t]) - b.old_logprob[t];
      if (b.mask[t]) sum += b.advantage[t] > 0 ? std::min(l, 0.125) : std::max(l, -0.125);
    }
    expected -= 0.25 * b.sum(b.advantage, s) / b.length(s) * std::exp(sum / b.length(s));
  }
  EXPECT_NEAR(total, expected, 1e-12);
}

TEST(Sequences, OnPolicyGspoIsMinusTheAdvantageExactly) {
  Batch b;
  b.old_logprob = b.logprob;
  std::vector<float> slope(17);
  const auto total = loss::evaluate_sequences(loss::Gspo{}, b.view(), weights, {.logprob = slope});
  EXPECT_EQ(total.value(), -0.25 * (1.5 - 0.5 - 0.5 + 0.75));
}

TEST(Sequences, KtoByHand) {
  const Batch b;
  std::vector<float> slope(17);
  const double total =
      loss::evaluate_sequences(loss::Kto{}, b.view(), weights, {.logprob = slope}).value();
  double expected = 0;
  for (const int s : {0, 2, 3, 4}) {
    const double g = b.sum(b.logprob, s) - b.sum(b.ref_logprob, s) - 0.125;
    const double z = double(0.1f) * (b.label[s] > 0 ? g : -g);
    expected += 0.25 * (1 - 1 / (1 + std::exp(-z)));
  }
  EXPECT_NEAR(total, expected, 1e-12);
}

TEST(Pairs, DpoByHand) {
  const Batch b;
  std::vector<float> slope(17);
  const auto result = loss::evaluate_pairs(loss::Dpo{}, b.view(), pairs, {.logprob = slope});
  const auto gain = [&](int s) { return b.sum(b.logprob, s) - b.sum(b.ref_logprob, s); };
  const double d1 = gain(0) - gain(2), d2 = gain(4) - gain(2);
  EXPECT_NEAR(result.loss.value(),
              0.5 * std::log1p(std::exp(-double(0.1f) * d1)) +
                  0.25 * std::log1p(std::exp(-double(0.1f) * d2)),
              1e-12);
  EXPECT_EQ(result.pairs, 2);
  EXPECT_EQ(result.correct, (d1 > 0) + (d2 > 0));
  EXPECT_EQ(slope[9], 0.0f) << "the only token of the pair that was left out";
}

TEST(Pairs, APairOfTheSameSequencesHasNoGradient) {
  const Batch b;
  std::vector<float> slope(17);
  const std::vector<loss::Pair> same{{.chosen = 4, .rejected = 4, .weight = 1}};
  const auto result = loss::evaluate_pairs(loss::Dpo{}, b.view(), same, {.logprob = slope});
  EXPECT_NEAR(result.loss.value(), std::log(2.0), 1e-15);
  for (const float d : slope) EXPECT_EQ(d, 0.0f);
}

TEST(Sequences, WhatStandsAtMaskedTokensNeverLeaks) {
  const Batch clean;
  Batch dirty;
  for (std::size_t t = 0; t < 17; ++t)
    if (!dirty.mask[t])
      dirty.logprob[t] = dirty.old_logprob[t] = dirty.ref_logprob[t] = dirty.advantage[t] = NAN;
  for (const auto& f : {over_sequences(loss::Gspo{})}) {
    std::vector<float> a(17), b(17);
    EXPECT_EQ(f(clean, a), f(dirty, b));
    EXPECT_EQ(a, b);
  }
  std::vector<float> a(17), b(17);
  EXPECT_EQ(over_sequences(loss::Gmpo{})(clean, a), over_sequences(loss::Gmpo{})(dirty, b));
  EXPECT_EQ(over_pairs(loss::Dpo{})(clean, a), over_pairs(loss::Dpo{})(dirty, b));
  EXPECT_EQ(a, b);
}

TEST(Sequences, SplittingTheBatchChangesNoBit) {
  const Batch b;
  std::vector<float> whole(17), split(17);
  const double total = over_sequences(loss::Gmpo{})(b, whole);
  OrderFreeSum<> sum;
  for (std::size_t s = 0; s < 5; ++s) {
    auto part = b.view();
    part.offsets = part.offsets.subspan(s, 2);
    part.label = part.label.subspan(s, 1);
    // A view of one sequence keeps the columns of the whole batch.
    const auto end = static_cast<std::size_t>(part.offsets[1]);
    part.tokens.each(
        [&](loss::Column& c) {
          if (!c.empty()) c = c.first(end);
        },
        part.tokens);
    part.mask = part.mask.first(end);
    sum.add(loss::evaluate_sequences(loss::Gmpo{}, part, loss::Column(weights).first(1),
                                     {.logprob = loss::Derivative(split).first(end)}));
  }
  EXPECT_EQ(sum.value(), total);
  EXPECT_EQ(split, whole);
}

TEST(Sequences, AColumnThatIsMissingIsNamed) {
  const Batch b;
  auto view = b.view();
  view.tokens.ref_logprob = {};
  std::vector<float> slope(17);
  try {
    loss::evaluate_sequences(loss::Kto{}, view, weights, {.logprob = slope});
    FAIL() << "a missing column went unnoticed";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("ref_logprob"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace hone
