#include "hone/advantage/monte_carlo.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using hone::advantage::MonteCarlo;

TEST(MonteCarlo, IsTheReturnToGo) {
  Batch b;
  b.add({{1, 0}, {2, 0}, {4, 0}}, 0, 7);
  const Result r = run(MonteCarlo{.gamma = 0.5f}, b);
  EXPECT_EQ(r.advantages, (std::vector<float>{3, 4, 4}));
  EXPECT_EQ(r.returns, r.advantages);
}

TEST(MonteCarlo, ReadsNoValues) {
  Batch b = random_batch(4);
  auto in = b.view();
  const Result with = run(MonteCarlo{}, in);
  in.values = {};
  in.bootstrap = {};
  EXPECT_EQ(run(MonteCarlo{}, in).advantages, with.advantages);
  static_assert(!hone::advantage::needs_values_v<MonteCarlo>);
}

TEST(MonteCarlo, TakesTheScoreWhereTokensHaveNoRewards) {
  Batch b;
  b.add({{0, 0}, {0, 0}, {0, 0, false}}, 0, 3);
  auto in = b.view();
  in.token_rewards = {};
  EXPECT_EQ(run(MonteCarlo{}, in).advantages, (std::vector<float>{3, 3, 0}));
}

}  // namespace
