// Law 20: a policy gradient estimated from samples converges to the exact gradient, enumerated over
// a small vocabulary and horizon, for each estimator that claims to be unbiased.
#include <gtest/gtest.h>

#include <cstdio>

#include "../oracle/world.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/ppo_clip.hpp"

namespace {

using namespace hone_test;
using namespace hone::advantage;
using hone::oracle::Composition;
using hone::oracle::Gradient;
using hone::oracle::Setting;
namespace loss = hone::loss;
namespace kl = hone::kl;

// |mean of n draws - exact|^2 has the expectation variance / n. With n four times as large it must
// shrink, and it must lie within a few times that expectation: a bias of 3 / sqrt(n) standard
// deviations would show.
template <class C>
void expect_convergence(const char* name, const C& c, const Setting& s, const Gradient& exact) {
  const double variance = oracle::moments(c, s).variance;
  for (const std::int64_t n : {2000, 32000}) {
    const Gradient found = oracle::sampled_mean(c, s, n, 99);
    const double error = (found - exact).norm();
    const double expected = std::sqrt(variance / static_cast<double>(n));
    std::printf("%-34s %6ld draws: |error| %.5f, expected %.5f, |gradient| %.3f\n", name,
                static_cast<long>(n), error, expected, exact.norm());
    EXPECT_LT(error, 2.5 * expected) << name;
    EXPECT_GT(error, 0.1 * expected) << name << ": too good to be a sample";
  }
}

TEST(PolicyGradient, Converges) {
  const Setting one = setting(1), three = setting(3);
  expect_convergence("REINFORCE", Composition{}, one, descent(one));
  expect_convergence("RLOO", Composition{.advantage = LeaveOneOut{}}, three, descent(three));
  expect_convergence("ReMax", Composition{.advantage = ReMax{}}, one, descent(one));
  expect_convergence("OPO, leave one out", Composition{.advantage = Opo{.leave_one_out = true}},
                     three, descent(three));
  expect_convergence("group mean, times G / (G - 1)",
                     Composition{.advantage = GroupRelative{.scale_by_std = false}}, three,
                     (2.0 / 3) * descent(three));
  expect_convergence("PPO clip, first pass",
                     Composition{.advantage = LeaveOneOut{}, .loss = loss::PpoClip{}}, three,
                     descent(three));
}

TEST(PolicyGradient, ConvergesWithACritic) {
  Setting s = setting(1);
  for (int r = 0; r < s.space.rows(); ++r) s.values.push_back(0.1f * static_cast<float>(r));
  expect_convergence("GAE, lambda = 1", Composition{.advantage = Gae{.lambda = 1}}, s, descent(s));
}

TEST(PolicyGradient, ConvergesWithAPenalty) {
  const Setting s = setting(1);
  expect_convergence("k1 in the reward", Composition{.kl = kl::InReward<>{.coef = 0.3f}}, s,
                     descent(s) + 0.3 * oracle::kl_gradient(s.space, s.actor, s.reference));
  expect_convergence(
      "r k3 in the loss", Composition{.kl = kl::InLoss<>{.coef = 0.5f}}, s,
      descent(s) + 0.5 * oracle::tokenwise_kl_gradient(s.space, s.actor, s.reference, s.actor));
}

TEST(PolicyGradient, ConvergesOnOlderSamples) {
  const Setting s = off_policy(1);
  const loss::PpoClip unclipped{.clip_low = 1, .clip_high = 1e9f};
  expect_convergence("ratio of the answer, unclipped",
                     Composition{.loss = loss::Gspo{.clip = unclipped, .length_normalised = false}},
                     s, descent(s));
  Setting late = setting(1);
  late.rollout = s.rollout;
  using Weighted = loss::TruncatedImportanceSampling<loss::PolicyGradient, loss::PerSequence>;
  expect_convergence("importance weights, untruncated",
                     Composition{.loss = Weighted{.low = 0, .high = 1e9f}}, late, descent(late));
}

TEST(PolicyGradient, ABiasedEstimatorDoesNot) {
  const Setting s = setting(3);
  const Composition grpo{.advantage = GroupRelative{}};
  const double error = (oracle::sampled_mean(grpo, s, 32000, 99) - descent(s)).norm();
  EXPECT_GT(error, 10 * std::sqrt(oracle::moments(grpo, s).variance / 32000)) << "GRPO";
}

}  // namespace
