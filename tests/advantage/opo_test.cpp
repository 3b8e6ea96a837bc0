#include "hone/advantage/opo.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using hone::advantage::Opo;

TEST(Opo, TheBaselineIsWeightedByLength) {
  const Batch b = one_group({1, 4}, {3, 1});  // (3 1 + 1 4) / 4 = 1.75
  EXPECT_EQ(run(Opo{}, b).advantages, (std::vector<float>{-0.75f, -0.75f, -0.75f, 2.25f}));
  EXPECT_EQ(run(Opo{.leave_one_out = true}, b).advantages, (std::vector<float>{-3, -3, -3, 3}));
}

TEST(Opo, EmptyAnswersCarryNoWeight) {
  EXPECT_EQ(run(Opo{}, one_group({1, 4, 2}, {1, 0, 1})).advantages,
            (std::vector<float>{-0.5f, 0.5f}));
  EXPECT_TRUE(run(Opo{}, one_group({1, 4}, {0, 0})).advantages.empty());
}

TEST(Opo, AGroupOfOneGivesZero) {
  EXPECT_EQ(run(Opo{}, one_group({5}, {2})).advantages, (std::vector<float>{0, 0}));
  EXPECT_EQ(run(Opo{.singleton_keeps_reward = true}, one_group({5}, {2})).advantages,
            (std::vector<float>{5, 5}));
}

}  // namespace
