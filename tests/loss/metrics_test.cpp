#include "hone/loss/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "hone/loss/gspo.hpp"
#include "hone/loss/ppo_clip.hpp"

namespace hone {
namespace {

struct Batch {
  std::vector<float> logprob, old_logprob, advantage, entropy, weights;
  explicit Batch(std::size_t n) {
    std::mt19937 engine(6);
    std::normal_distribution<float> draw;
    for (std::size_t i = 0; i < n; ++i) {
      logprob.push_back(-std::fabs(draw(engine)));
      old_logprob.push_back(logprob.back() + 0.3f * draw(engine));
      advantage.push_back(i % 5 == 0 ? 0.0f : draw(engine));
      entropy.push_back(std::fabs(draw(engine)));
      weights.push_back(i % 3 == 0 ? 0.0f : 0.25f);
      if (i % 3 == 0) logprob.back() = advantage.back() = entropy.back() = NAN;
    }
  }
  TokenInputs<loss::Column> columns() const {
    return {
        .logprob = logprob, .entropy = entropy, .old_logprob = old_logprob, .advantage = advantage};
  }
};

TEST(PolicyMetrics, AreTheirDefinitions) {
  const Batch b(1003);
  const auto m = loss::policy_metrics(loss::PpoClip{.clip_high = 0.3f}, b.columns(), b.weights);
  double kl = 0, ratio = 0, entropy = 0;
  std::int64_t n = 0, clipped = 0, clippable = 0;
  for (std::size_t i = 0; i < b.weights.size(); ++i) {
    if (b.weights[i] == 0) continue;
    const double l = double(b.logprob[i]) - b.old_logprob[i], r = std::exp(l), a = b.advantage[i];
    ++n;
    kl += r - 1 - l;
    ratio += r;
    entropy += b.entropy[i];
    clippable += a != 0;
    clipped += (a > 0 && r > 1.3) || (a < 0 && r < 0.8);
  }
  EXPECT_EQ(m.tokens, n);
  EXPECT_NEAR(m.approx_kl_mean(), kl / n, 1e-6);
  EXPECT_NEAR(m.ratio_mean(), ratio / n, 1e-6);
  EXPECT_NEAR(m.entropy_mean(), entropy / n, 1e-6);
  EXPECT_EQ(m.clippable, clippable);
  EXPECT_EQ(m.clipped, clipped);
  EXPECT_GT(m.clip_fraction(), 0.05);
}

TEST(PolicyMetrics, OnTheFirstPassNothingHasMoved) {
  Batch b(100);
  const auto m = loss::policy_metrics(loss::PpoClip{},
                                      {.logprob = b.logprob, .advantage = b.advantage}, b.weights);
  EXPECT_EQ(m.approx_kl_mean(), 0.0);
  EXPECT_EQ(m.ratio_mean(), 1.0);
  EXPECT_EQ(m.clip_fraction(), 0.0);
}

TEST(PolicyMetrics, AddUpOverMicroBatches) {
  const Batch b(1003);
  const auto whole = loss::policy_metrics(loss::PpoClip{}, b.columns(), b.weights);
  loss::PolicyMetrics sum;
  for (std::size_t begin = 0; begin < 1003; begin += 100) {
    const std::size_t n = std::min<std::size_t>(100, 1003 - begin);
    auto part = b.columns();
    part.each(
        [&](loss::Column& c) {
          if (!c.empty()) c = c.subspan(begin, n);
        },
        part);
    sum.add(loss::policy_metrics(loss::PpoClip{}, part, loss::Column(b.weights).subspan(begin, n)));
  }
  EXPECT_EQ(sum.approx_kl_mean(), whole.approx_kl_mean());
  EXPECT_EQ(sum.ratio_mean(), whole.ratio_mean());
  EXPECT_EQ(sum.clip_fraction(), whole.clip_fraction());
}

TEST(PolicyMetrics, OfNothingAreZero) {
  const loss::PolicyMetrics m;
  EXPECT_EQ(m.approx_kl_mean(), 0.0);
  EXPECT_EQ(m.clip_fraction(), 0.0);
}

TEST(PolicyMetrics, ASequenceLossHasNoClipFraction) {
  const Batch b(64);
  EXPECT_EQ(loss::policy_metrics(loss::Gspo{}, b.columns(), b.weights).clippable, 0);
}

}  // namespace
}  // namespace hone
