#include "hone/advantage/leave_one_out.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using hone::advantage::LeaveOneOut;

TEST(LeaveOneOut, SubtractsTheMeanOfTheOthers) {
  EXPECT_EQ(run(LeaveOneOut{}, one_group({1, 2, 6})).advantages,
            (std::vector<float>{-3, -1.5f, 4.5f}));
}

TEST(LeaveOneOut, SumsKlIntoTheScore) {
  Batch b;
  b.add({{-0.5f, 0}, {0, 0, false}, {1, 0}}, 0, 1);  // 0.5 in all
  b.add({{2, 0}}, 0, 2);
  EXPECT_EQ(run(LeaveOneOut{}, b).advantages, (std::vector<float>{-1.5f, 0, -1.5f, 1.5f}));
}

TEST(LeaveOneOut, AGroupOfOne) {
  EXPECT_EQ(run(LeaveOneOut{}, one_group({5})).advantages, (std::vector<float>{0}));
  EXPECT_EQ(run(LeaveOneOut{.singleton_keeps_reward = true}, one_group({5})).advantages,
            (std::vector<float>{5}));
}

TEST(LeaveOneOut, EqualScoresGiveExactlyZero) {
  EXPECT_EQ(run(LeaveOneOut{}, one_group({0.3f, 0.3f, 0.3f, 0.3f})).advantages,
            (std::vector<float>{0, 0, 0, 0}));
}

}  // namespace
