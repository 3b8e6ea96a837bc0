#include "hone/advantage/group_relative.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using hone::advantage::GroupRelative;
using hone::advantage::Scale;

TEST(GroupRelative, IsTheStandardScore) {
  const Batch b = one_group({1, 2, 3, 6});  // mean 3, squares 14
  const auto expect = [&](const GroupRelative& p, double divisor) {
    expect_near(run(p, b).advantages, {-2 / divisor, -1 / divisor, 0, 3 / divisor}, 1e-6, "A");
  };
  expect({.epsilon = 0}, std::sqrt(14.0 / 3));
  expect({.ddof = 0, .epsilon = 0}, std::sqrt(14.0 / 4));
  expect({.epsilon = 0.5f}, std::sqrt(14.0 / 3) + 0.5);
  expect({.scale_by_std = false}, 1);
}

TEST(GroupRelative, GroupsAreApart) {
  Batch b;
  for (const auto& [group, score] :
       {std::pair{3, 1.0f}, {-1, 10.0f}, {3, 3.0f}, {-1, 30.0f}, {8, 5.0f}})
    b.add({{0, 0}, {score, 0}}, group, score);
  EXPECT_EQ(run(GroupRelative{.scale_by_std = false}, b).advantages,
            (std::vector<float>{-1, -1, -10, -10, 1, 1, 10, 10, 0, 0}));
}

TEST(GroupRelative, ScaleOfTheBatch) {
  Batch b;
  for (const auto& [group, score] : {std::pair{0, 0.0f}, {0, 2.0f}, {1, 4.0f}, {1, 6.0f}})
    b.add({{score, 0}}, group, score);
  const double deviation = std::sqrt(20.0 / 3);
  expect_near(run(GroupRelative{.epsilon = 0, .scale = Scale::batch}, b).advantages,
              {-1 / deviation, 1 / deviation, -1 / deviation, 1 / deviation}, 1e-6, "A");
}

TEST(GroupRelative, LeaveOneOutMeanAndDeviation) {
  const Batch b = one_group({1, 2, 3, 6});
  // Others of 1: {2, 3, 6}, mean 11/3, squares 26/3.
  const Result r = run(GroupRelative{.epsilon = 0, .leave_one_out = true}, b);
  EXPECT_NEAR(r.advantages[0], (1 - 11.0 / 3) / std::sqrt(26.0 / 6), 1e-6);
  // The others are equal: the difference is not divided.
  EXPECT_EQ(run(GroupRelative{.leave_one_out = true}, one_group({4, 1, 1})).advantages[0], 3);
  // Two answers: one other has no deviation.
  EXPECT_EQ(run(GroupRelative{.leave_one_out = true}, one_group({4, 1})).advantages,
            (std::vector<float>{3, -3}));
}

TEST(GroupRelative, DegenerateGroupsGiveZero) {
  EXPECT_EQ(run(GroupRelative{}, one_group({5})).advantages, (std::vector<float>{0}));
  EXPECT_EQ(run(GroupRelative{.epsilon = 0}, one_group({0.1f, 0.1f, 0.1f})).advantages,
            (std::vector<float>{0, 0, 0}));
  EXPECT_EQ(run(GroupRelative{.epsilon = 0}, one_group({0, 0})).advantages,
            (std::vector<float>{0, 0}));
  EXPECT_EQ(run(GroupRelative{.singleton_keeps_reward = true}, one_group({5})).advantages,
            (std::vector<float>{5}));
}

TEST(GroupRelative, AnEmptyAnswerCountsInTheBaselineOfItsGroup) {
  const Batch b = one_group({1, 4}, {2, 0});
  EXPECT_EQ(run(GroupRelative{.scale_by_std = false}, b).advantages,
            (std::vector<float>{-1.5f, -1.5f}));
}

}  // namespace
