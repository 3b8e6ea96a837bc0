// What docs/oracle.md claims of every policy-gradient estimator.
#include "hone/oracle/estimator.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/max_rl.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/reinforce_plus_plus.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/loss/cispo.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sapo.hpp"
#include "hone/loss/sum.hpp"
#include "world.hpp"

namespace {

using namespace hone_test;
using namespace hone::advantage;
using hone::oracle::AnswerSum;
using hone::oracle::Composition;
using hone::oracle::Gradient;
using hone::oracle::moments;
using hone::oracle::Setting;
namespace loss = hone::loss;
namespace kl = hone::kl;

TEST(Estimator, ReinforceIsUnbiased) {
  for (const int g : {1, 2})
    expect_equal(moments(Composition{}, setting(g)).mean, descent(setting(g)), "REINFORCE");
}

TEST(Estimator, LeaveOneOutIsUnbiasedAndQuieter) {
  const Setting s = setting(3);
  const auto plain = moments(Composition{}, s);
  const auto rloo = moments(Composition{.advantage = LeaveOneOut{}}, s);
  expect_equal(rloo.mean, descent(s), "RLOO");
  EXPECT_LT(rloo.variance, plain.variance);
}

TEST(Estimator, TheMeanOfTheWholeGroupShrinksTheGradient) {
  for (const int g : {2, 3, 4}) {
    const Setting s = setting(g);
    const auto found = moments(Composition{.advantage = GroupRelative{.scale_by_std = false}}, s);
    expect_equal(found.mean, ((g - 1.0) / g) * descent(s), "group mean");
  }
}

// Mean and deviation of the others do not depend on the answer: the size changes, the direction
// does not, nor where others without deviation leave the difference undivided.
TEST(Estimator, TheDeviationOfTheOthersKeepsTheDirection) {
  const Setting s = setting(3);
  expect_equal(
      moments(Composition{.advantage = GroupRelative{.scale_by_std = false, .leave_one_out = true}},
              s)
          .mean,
      descent(s), "leave-one-out mean");
  const auto found = along(
      moments(Composition{.advantage = GroupRelative{.leave_one_out = true}}, s).mean, descent(s));
  EXPECT_LT(found.rest, 1e-6);
  EXPECT_GT(found.factor, 0);
  EXPECT_GT(std::abs(found.factor - 1), 0.1);
}

// The division by the deviation turns the gradient, and for verdicts it weighs prompts by their
// difficulty: Dr. GRPO's first claim.
TEST(Estimator, TheDeviationIsABias) {
  const Setting s = setting(3);
  const auto found = along(moments(Composition{.advantage = GroupRelative{}}, s).mean, descent(s));
  std::printf("GRPO on graded rewards: %.4f x gradient, %.4f of it elsewhere\n", found.factor,
              found.rest);
  EXPECT_GT(found.rest, 0.01);

  const oracle::Space coin(2, 1);
  std::vector<double> factors;
  for (const double logit : {-4.0, 0.0, 4.0}) {  // a hard, a middling and an easy prompt
    const oracle::Policy pi(coin, {0, logit});
    const Setting prompt = Setting::on_policy(coin, pi, pi, verdict, 12);
    const auto f =
        along(moments(Composition{.advantage = GroupRelative{}}, prompt).mean, descent(prompt));
    std::printf("GRPO on a prompt that is solved with probability %.3f: %.4f x gradient\n",
                pi.prob(0, 1), f.factor);
    EXPECT_LT(f.rest, 1e-5);
    factors.push_back(f.factor);
  }
  EXPECT_GT(factors[0], 1.3 * factors[1]);
  EXPECT_GT(factors[2], 1.3 * factors[1]);
}

// Dividing by the answer's own length favours short good and long bad answers: Dr. GRPO's second
// claim. A constant divisor keeps the direction.
TEST(Estimator, TheMeanOverAnAnswersTokensIsABias) {
  const Setting s = setting(2);
  const auto with = [&](auto aggregation) {
    return along(
        moments(Composition{.advantage = LeaveOneOut{}, .aggregation = aggregation}, s).mean,
        descent(s));
  };
  const auto fixed = with(loss::FixedLength{.max_length = 3});
  EXPECT_NEAR(fixed.factor, 1.0 / 3, 1e-6);
  EXPECT_LT(fixed.rest, 1e-6);
  const auto per_answer = with(loss::SequenceMean{});
  const auto per_token = with(loss::TokenMean{});
  std::printf("off the gradient: mean over answers %.4f, mean over tokens %.4f\n", per_answer.rest,
              per_token.rest);
  EXPECT_GT(per_answer.rest, 0.05);
  EXPECT_GT(per_token.rest, 0.001);
}

// Tokens of the whole batch as divisor: the bias is that of a ratio and vanishes with the batch.
TEST(Estimator, TheTokenMeansBiasFadesWithTheBatch) {
  const auto rest = [&](int g) {
    const Setting s = setting(g);
    return along(moments(Composition{.aggregation = loss::TokenMean{}}, s).mean, descent(s)).rest;
  };
  const double one = rest(1), two = rest(2), four = rest(4);
  std::printf("token mean, off the gradient with 1, 2, 4 answers: %.4f %.4f %.4f\n", one, two,
              four);
  EXPECT_LT(two, one);
  EXPECT_LT(four, 0.6 * two);
}

TEST(Estimator, ReMaxIsUnbiased) {
  const Setting s = setting(1);
  const auto found = moments(Composition{.advantage = ReMax{}}, s);
  expect_equal(found.mean, descent(s), "ReMax");
}

TEST(Estimator, OpoIsUnbiasedWithoutItsOwnAnswer) {
  const Setting s = setting(3);
  expect_equal(moments(Composition{.advantage = Opo{.leave_one_out = true}}, s).mean, descent(s),
               "OPO without its own answer");
  const auto rest = [&](int g) {
    return (moments(Composition{.advantage = Opo{}}, setting(g)).mean - descent(setting(g))).norm();
  };
  std::printf("OPO as published, bias with 2, 3, 4 answers: %.4f %.4f %.4f\n", rest(2), rest(3),
              rest(4));
  EXPECT_GT(rest(2), 0.01);
  EXPECT_LT(rest(4), 0.7 * rest(2));
}

TEST(Estimator, GaeWithLambdaOneIsUnbiasedWhateverTheCriticSays) {
  Setting s = setting(1);
  hone::RandomStream random({.seed = 5});
  for (int r = 0; r < s.space.rows(); ++r)
    s.values.push_back(static_cast<float>(4 * random.uniform() - 2));
  const auto gae = [&](float lambda) {
    return moments(Composition{.advantage = Gae{.gamma = 1, .lambda = lambda}}, s);
  };
  expect_equal(gae(1).mean, descent(s), "lambda = 1");
  expect_apart(gae(0.5f).mean, descent(s), 0.05, "lambda = 0.5 with a wrong critic");
  expect_equal(
      moments(Composition{.advantage = DecoupledGae{.lambda_policy = 1, .lambda_critic = 0}}, s)
          .mean,
      descent(s), "the critic's lambda is not the policy's");

  // The true values: any lambda is right.
  const std::vector<double> worth = oracle::values(s.space, s.actor, graded);
  s.values.assign(worth.begin(), worth.end());
  const auto exact = moments(Composition{}, s);
  for (const float lambda : {0.0f, 0.5f, 1.0f}) {
    const auto found = gae(lambda);
    expect_equal(found.mean, descent(s), "a perfect critic");
    EXPECT_LT(found.variance, exact.variance) << lambda;
  }
  EXPECT_LT(gae(0).variance, gae(1).variance);
}

TEST(Estimator, WhiteningIsABiasThatFadesWithTheBatch) {
  const auto rest = [&](int g) {
    const Setting s = setting(g);
    const auto f =
        along(moments(Composition{.advantage = ReinforcePlusPlus{}}, s).mean, descent(s));
    EXPECT_GT(f.factor, 0) << g;
    return f.rest;
  };
  const double two = rest(2), three = rest(3), four = rest(4);
  std::printf("REINFORCE++, off the gradient with 2, 3, 4 answers in the batch: %.4f %.4f %.4f\n",
              two, three, four);
  EXPECT_GT(two, 0.01);
  EXPECT_LT(three, two);
  EXPECT_LT(four, three);
}

// For verdicts the gradient is (1 - (1 - p)^(G-1)) / p grad p: that of sum_k<G (1 - (1 - p)^k) / k,
// which tends to log p as G grows.
TEST(Estimator, MaxRlFollowsTheLogarithmOfSuccess) {
  const oracle::Policy pi(one_step, {0, -1, 0.5, 0, 0});
  const double p = pi.prob(0, 1);
  for (const int g : {2, 3, 5}) {
    const Setting s = Setting::on_policy(one_step, pi, pi, verdict, g);
    const auto f = along(moments(Composition{.advantage = MaxRl{}}, s).mean, descent(s));
    std::printf("MaxRL with %d answers, p = %.3f: %.4f grad p, limit %.4f\n", g, p, f.factor,
                1 / p);
    EXPECT_LT(f.rest, 1e-6);
    EXPECT_NEAR(f.factor, (1 - std::pow(1 - p, g - 1)) / p, 1e-6);
  }
}

// On the first pass over fresh samples, all ratio losses have the gradient of REINFORCE.
TEST(Estimator, RatioLossesAgreeOnTheFirstPass) {
  const Setting s = setting(2);
  const auto with = [&](auto f) {
    return moments(Composition{.advantage = LeaveOneOut{}, .loss = f}, s).mean;
  };
  expect_equal(with(loss::PpoClip{}), descent(s), "PPO clip");
  expect_equal(with(loss::Cispo{}), descent(s), "CISPO");
  expect_equal(with(loss::Sapo{.tau_positive = 1, .tau_negative = 2}), descent(s), "SAPO");
  expect_equal(with(loss::Gspo{.length_normalised = false}), descent(s), "sequence ratio");
}

// GSPO and GMPO as published average over the answer's tokens inside the ratio: their first-pass
// gradient is that of the mean over each answer's tokens, its bias included.
TEST(Estimator, GspoAndGmpoHaveTheGradientOfTheSequenceMean) {
  const Setting s = setting(2);
  const auto mean =
      moments(Composition{.advantage = LeaveOneOut{}, .aggregation = loss::SequenceMean{}}, s).mean;
  expect_equal(moments(Composition{.advantage = LeaveOneOut{}, .loss = loss::Gspo{}}, s).mean, mean,
               "GSPO");
  expect_equal(moments(Composition{.advantage = LeaveOneOut{}, .loss = loss::Gmpo{}}, s).mean, mean,
               "GMPO");
  expect_apart(mean, descent(s), 0.05, "mean over an answer's tokens");
}

TEST(Estimator, RatiosCorrectForOlderSamples) {
  const loss::PpoClip unclipped{.clip_low = 1, .clip_high = 1e9f};
  // One step: the ratio of the token is that of the answer.
  const Setting step = off_policy(1, one_step);
  expect_equal(moments(Composition{.loss = unclipped}, step).mean, descent(step), "one step");
  expect_apart(moments(Composition{}, step).mean, descent(step), 0.01, "no ratio");
  expect_apart(
      moments(Composition{.loss = loss::PpoClip{.clip_low = 0.1f, .clip_high = 0.1f}}, step).mean,
      descent(step), 0.01, "clipped");
  // Several steps: the ratio of the whole answer is exact, those of its tokens are not.
  const Setting s = off_policy(1);
  expect_equal(
      moments(Composition{.loss = loss::Gspo{.clip = unclipped, .length_normalised = false}}, s)
          .mean,
      descent(s), "the answer's ratio");
  const auto by_token = moments(Composition{.loss = unclipped}, s).mean;
  const auto none = moments(Composition{}, s).mean;
  std::printf("older samples, bias / |gradient|: no ratio %.4f, token ratios %.4f\n",
              (none - descent(s)).norm() / descent(s).norm(),
              (by_token - descent(s)).norm() / descent(s).norm());
  expect_apart(by_token, descent(s), 0.001, "the tokens' ratios");
  EXPECT_LT((by_token - descent(s)).norm(), (none - descent(s)).norm());
}

// Samples come from another policy than the update phase starts from: truncated weights.
TEST(Estimator, TruncatedImportanceSamplingTradesBiasForVariance) {
  Setting s = setting(1);
  s.rollout = off_policy(1).rollout;
  using Sequence = loss::TruncatedImportanceSampling<loss::PolicyGradient, loss::PerSequence>;
  const auto bias = [&](float cap) {
    const auto found = moments(Composition{.loss = Sequence{.low = 0, .high = cap}}, s);
    const double b = (found.mean - descent(s)).norm() / descent(s).norm();
    std::printf("weights of answers capped at %5.2f: bias %.4f, variance %.3f\n", cap, b,
                found.variance);
    return b;
  };
  const double none = bias(1e9f), wide = bias(1.4f), narrow = bias(1.2f), harsh = bias(0.8f);
  EXPECT_LT(none, 1e-6);
  EXPECT_LT(none, wide);
  EXPECT_LT(wide, narrow);
  EXPECT_LT(narrow, harsh);

  using Masked = loss::IcePop<loss::PolicyGradient, loss::PerSequence>;
  expect_equal(moments(Composition{.loss = Masked{.low = 0, .high = 1e9f}}, s).mean, descent(s),
               "no weight outside the range");
  expect_apart(moments(Composition{.loss = Masked{.low = 0.8f, .high = 1.2f}}, s).mean, descent(s),
               0.05, "answers outside the range are dropped");
  using Tokens = loss::TruncatedImportanceSampling<loss::PolicyGradient>;
  const auto by_token = moments(Composition{.loss = Tokens{.low = 0, .high = 1e9f}}, s).mean;
  expect_apart(by_token, descent(s), 0.001, "weights of tokens are not those of answers");
  EXPECT_LT((by_token - descent(s)).norm(), (moments(Composition{}, s).mean - descent(s)).norm());
}

TEST(Estimator, TheEntropyBonusIsExact) {
  const Setting s = setting(1);
  const auto with = moments(
      Composition{.loss = loss::Sum{loss::PolicyGradient{}, loss::EntropyBonus{.coef = 0.5f}}}, s);
  Gradient expected = descent(s);
  const auto reach = oracle::visits(s.space, s.actor);
  for (int row = 0; row < s.space.rows(); ++row)
    s.actor.add_entropy_gradient(row, -0.5 * reach[static_cast<std::size_t>(row)], expected);
  expect_equal(with.mean, expected, "entropy of the visited contexts");
}

TEST(Estimator, TheGreedyAnswerMustBeUnique) {
  const oracle::Policy flat(one_step, std::vector<double>(5, 0.0));
  EXPECT_THROW(
      moments(Composition{.advantage = ReMax{}}, Setting::on_policy(one_step, flat, flat, graded)),
      hone::Error);
  EXPECT_THROW(moments(Composition{}, setting(7)), hone::Error);
}

}  // namespace
