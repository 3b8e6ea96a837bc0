#include "hone/advantage/gae.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using hone::advantage::DecoupledGae;
using hone::advantage::Gae;

TEST(Gae, EqualsTheSumOfDiscountedErrors) {
  for (const auto& [gamma, lambda] :
       {std::pair{1.0f, 0.95f}, {0.9f, 0.8f}, {1.0f, 1.0f}, {0.99f, 0.0f}, {0.0f, 0.5f}}) {
    const Batch b = random_batch(1);
    const ExactGae exact = exact_gae(b, gamma, lambda, lambda);
    const Result r = run(Gae{.gamma = gamma, .lambda = lambda}, b);
    expect_near(r.advantages, exact.advantages, 2e-5, "advantage");
    expect_near(r.returns, exact.targets, 2e-5, "return");
  }
}

TEST(Gae, WorkedByHand) {
  Batch b;
  b.add({{0, 0.5f}, {0, 0.25f}, {1, 0.75f}}, 0, 1);
  const Result r = run(Gae{.gamma = 0.5f, .lambda = 0.5f}, b);
  // delta_3 = 1 - 0.75 = 0.25, delta_2 = 0.375 - 0.25 = 0.125, delta_1 = 0.125 - 0.5 = -0.375
  EXPECT_EQ(r.advantages, (std::vector<float>{-0.328125f, 0.1875f, 0.25f}));
  EXPECT_EQ(r.returns, (std::vector<float>{0.171875f, 0.4375f, 1.0f}));
}

TEST(Gae, CutOffBootstrapsAndARealEndDoesNot) {
  Batch ended, cut;
  ended.add({{0, 0.5f}, {0, 0.25f}}, 0, 0, false, 3.0f);
  cut.add({{0, 0.5f}, {0, 0.25f}}, 0, 0, true, 3.0f);
  EXPECT_EQ(run(Gae{.gamma = 1, .lambda = 1}, ended).advantages,
            (std::vector<float>{-0.5f, -0.25f}));
  EXPECT_EQ(run(Gae{.gamma = 1, .lambda = 1}, cut).advantages, (std::vector<float>{2.5f, 2.75f}));
}

TEST(DecoupledGae, HasItsOwnLambdaForTheCritic) {
  const Batch b = random_batch(2);
  const ExactGae exact = exact_gae(b, 0.97f, 0.9f, 0.6f);
  const Result r =
      run(DecoupledGae{.gamma = 0.97f, .lambda_policy = 0.9f, .lambda_critic = 0.6f}, b);
  expect_near(r.advantages, exact.advantages, 2e-5, "advantage");
  expect_near(r.returns, exact.targets, 2e-5, "return");
}

TEST(DecoupledGae, EqualLambdasAreGae) {
  const Batch b = random_batch(3);
  const Result both = run(Gae{.gamma = 1, .lambda = 0.9f}, b);
  const Result decoupled =
      run(DecoupledGae{.gamma = 1, .lambda_policy = 0.9f, .lambda_critic = 0.9f}, b);
  EXPECT_EQ(decoupled.advantages, both.advantages);
  for (std::size_t t = 0; t < b.tokens(); ++t)
    ASSERT_NEAR(decoupled.returns[t], both.returns[t], 1e-5) << t;
}

}  // namespace
