// Law 12: the expected gradient of each KL estimator, by exact enumeration over a small vocabulary,
// is what its page claims (docs/oracle.md).
#include <gtest/gtest.h>

#include <cstdio>

#include "../oracle/world.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/kl/absolute.hpp"
#include "hone/kl/full_vocabulary.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/kl/k1.hpp"
#include "hone/kl/k2.hpp"
#include "hone/kl/k3.hpp"
#include "hone/kl/straight_through.hpp"

namespace {

using namespace hone_test;
using hone::oracle::Composition;
using hone::oracle::Gradient;
using hone::oracle::moments;
using hone::oracle::Setting;
namespace kl = hone::kl;

// No reward: what is left is the penalty.
float nothing(std::span<const hone::Token>) { return 0; }

// Fresh and older samples, one step and three.
struct World {
  const char* name;
  Setting setting;
  bool on_policy, one_step;
};
std::vector<World> worlds() {
  std::vector<World> out{{"one step, fresh samples", setting(1, one_step), true, true},
                         {"three steps, fresh samples", setting(), true, false},
                         {"one step, older samples", off_policy(1, one_step), false, true},
                         {"three steps, older samples", off_policy(), false, false}};
  for (World& w : out) w.setting.reward = nothing;
  return out;
}

template <class Estimator>
oracle::Moments in_loss(const Estimator& k, bool unbiased, const Setting& s) {
  return moments(Composition{.kl = kl::InLoss<Estimator>{k, 1.0f, unbiased}}, s);
}

// grad KL(pi, ref), context by context, as often as the samples come there.
Gradient towards(const Setting& s) {
  return oracle::tokenwise_kl_gradient(s.space, s.actor, s.reference, s.rollout);
}
Gradient reverse(const Setting& s) {
  return oracle::tokenwise_reverse_kl_gradient(s.space, s.actor, s.reference, s.rollout);
}

TEST(KlGradients, K1InTheLossDoesNothing) {
  for (const World& w : worlds())
    if (w.on_policy) {
      const auto found = in_loss(kl::K1{}, false, w.setting);
      EXPECT_LT(found.mean.norm(), 1e-7) << w.name;
      EXPECT_GT(found.variance, 0.1) << w.name << ": but it adds noise";
    }
}

TEST(KlGradients, K2InTheLossIsRightOnFreshSamples) {
  for (const World& w : worlds()) {
    const Gradient found = in_loss(kl::K2{}, false, w.setting).mean;
    if (w.on_policy)
      expect_equal(found, towards(w.setting), w.name);
    else
      expect_apart(found, towards(w.setting), 0.05, w.name);
  }
}

TEST(KlGradients, K3InTheLossIsTheOtherDivergence) {
  for (const World& w : worlds()) {
    const Gradient found = in_loss(kl::K3{}, false, w.setting).mean;
    if (w.on_policy) expect_equal(found, reverse(w.setting), w.name);
    expect_apart(found, towards(w.setting), 0.05, w.name);
  }
}

TEST(KlGradients, TheRatioMakesK1AndK3RightOnAnySamples) {
  for (const World& w : worlds()) {
    expect_equal(in_loss(kl::K1{}, true, w.setting).mean, towards(w.setting), w.name);
    expect_equal(in_loss(kl::K3{}, true, w.setting).mean, towards(w.setting), w.name);
    // The mean of k2 is no divergence: the ratio does not help it.
    expect_apart(in_loss(kl::K2{}, true, w.setting).mean, towards(w.setting), 0.05, w.name);
  }
}

TEST(KlGradients, TheFullVocabularyIsExactInEveryContext) {
  for (const World& w : worlds()) {
    const auto found = in_loss(kl::FullVocabulary{}, true, w.setting);
    expect_equal(found.mean, towards(w.setting), w.name);
    const double k3 = in_loss(kl::K3{}, true, w.setting).variance;
    const double k1 = in_loss(kl::K1{}, true, w.setting).variance;
    std::printf("%s: variance of r k1 %.4f, r k3 %.4f, full vocabulary %.4f\n", w.name, k1, k3,
                found.variance);
    if (w.one_step)
      EXPECT_NEAR(found.variance, 0, 1e-9) << w.name;
    else
      EXPECT_LT(found.variance, k3) << w.name;
  }
}

TEST(KlGradients, StraightThroughTakesTheGradientOfItsSecond) {
  for (const World& w : worlds()) {
    const kl::StraightThrough<kl::K3, kl::K2> k3_plus;
    expect_equal(in_loss(k3_plus, false, w.setting).mean, in_loss(kl::K2{}, false, w.setting).mean,
                 w.name);
    if (w.on_policy) {
      expect_equal(in_loss(kl::ScoreFunction<kl::K3>{}, false, w.setting).mean, towards(w.setting),
                   w.name);
    } else {
      expect_apart(in_loss(kl::ScoreFunction<kl::K3>{}, false, w.setting).mean, towards(w.setting),
                   0.05, w.name);
    }
  }
}

TEST(KlGradients, TheAbsoluteDifferenceIsNoDivergence) {
  for (const World& w : worlds()) {
    const Gradient found = in_loss(kl::Absolute{}, false, w.setting).mean;
    expect_apart(found, towards(w.setting), 0.05, w.name);
    expect_apart(found, reverse(w.setting), 0.05, w.name);
  }
}

// A penalty in the loss does not know that a token leads to other contexts. One in the reward does.
TEST(KlGradients, InTheLossAPenaltySeesOneStep) {
  for (const World& w : worlds()) {
    if (!w.on_policy) continue;
    const Setting& s = w.setting;
    const Gradient whole = oracle::kl_gradient(s.space, s.actor, s.reference);
    if (w.one_step)
      expect_equal(towards(s), whole, w.name);
    else
      expect_apart(towards(s), whole, 0.1, w.name);
  }
}

TEST(KlGradients, K1InTheRewardIsTheGradientOfTheWholeDivergence) {
  for (const World& w : worlds()) {
    if (!w.on_policy) continue;
    Setting s = w.setting;
    s.reward = graded;
    const Gradient expected = descent(s) + 0.3 * oracle::kl_gradient(s.space, s.actor, s.reference);
    const kl::InReward<> penalty{.coef = 0.3f};
    expect_equal(moments(Composition{.kl = penalty}, s).mean, expected, w.name);
    s.group_size = 2;
    expect_equal(
        moments(Composition{.advantage = hone::advantage::LeaveOneOut{}, .kl = penalty}, s).mean,
        expected, w.name);
  }
}

// grad E k3 has, beside the gradient of k3 itself, that of who samples; a reward knows the second
// only: grad KL(pi, ref) - grad KL(ref, pi).
TEST(KlGradients, K3InTheRewardIsADifferenceOfDivergences) {
  const Setting s = worlds()[0].setting;
  expect_equal(moments(Composition{.kl = kl::InReward<kl::K3>{.coef = 1}}, s).mean,
               oracle::kl_gradient(s.space, s.actor, s.reference) -
                   oracle::reverse_kl_gradient(s.space, s.actor, s.reference),
               "k3 in the reward");
  expect_apart(moments(Composition{.kl = kl::InReward<kl::K2>{.coef = 1}}, s).mean,
               oracle::kl_gradient(s.space, s.actor, s.reference), 0.1, "k2 in the reward");
}

// The values: k1 and k3 have the divergence for a mean, k2 has not.
TEST(KlGradients, MeansOfTheEstimators) {
  for (const World& w : worlds()) {
    if (!w.on_policy) continue;
    const Setting& s = w.setting;
    const auto mean = [&](auto k) {
      return oracle::expectation(s.space, s.actor, [&](const oracle::Answer& a) {
        double sum = 0;
        for (std::size_t i = 0; i < a.tokens.size(); ++i)
          sum += hone::value_at(k, oracle::detail::token_inputs(s, a, i));
        return sum;
      });
    };
    const double exact = oracle::kl(s.space, s.actor, s.reference);
    EXPECT_NEAR(mean(kl::K1{}), exact, 1e-12) << w.name;
    EXPECT_NEAR(mean(kl::K3{}), exact, 1e-12) << w.name;
    EXPECT_NEAR(mean(kl::FullVocabulary{}), exact, 1e-12) << w.name;
    EXPECT_GT(std::abs(mean(kl::K2{}) - exact), 0.003) << w.name;
  }
}

}  // namespace
