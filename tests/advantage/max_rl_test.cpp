#include "hone/advantage/max_rl.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using hone::advantage::MaxRl;

TEST(MaxRl, DividesByTheMean) {
  EXPECT_EQ(run(MaxRl{}, one_group({1, 0, 0, 0})).advantages, (std::vector<float>{3, -1, -1, -1}));
  EXPECT_EQ(run(MaxRl{}, one_group({1, 1})).advantages, (std::vector<float>{0, 0}));
}

TEST(MaxRl, NoSuccessGivesZero) {
  EXPECT_EQ(run(MaxRl{}, one_group({0, 0, 0})).advantages, (std::vector<float>{0, 0, 0}));
}

}  // namespace
