#include "hone/advantage/reinforce_plus_plus.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using namespace hone::advantage;

TEST(ReinforcePlusPlus, WhitensReturnsOverTheBatch) {
  Batch b;
  b.add({{-1, 0}, {3, 0}}, 0, 3);  // returns 2, 3
  b.add({{7, 0}}, 1, 7);           // 7; all: mean 4, squares 14
  const double d = std::sqrt(7.0);
  expect_near(run(ReinforcePlusPlus{}, b).advantages, {-2 / d, -1 / d, 3 / d}, 1e-6, "A");
  static_assert(!needs_values_v<ReinforcePlusPlus> && !needs_groups_v<ReinforcePlusPlus>);
}

TEST(ReinforcePlusPlus, TheVariantSubtractsTheMeanOfTheGroup) {
  Batch b;
  for (const auto& [group, score] : {std::pair{0, 0.0f}, {0, 2.0f}, {1, 4.0f}, {1, 10.0f}})
    b.add({{score, 0}}, group, score);
  const double d = std::sqrt(20.0 / 3);  // -1, 1, -3, 3
  expect_near(run(reinforce_plus_plus_baseline, b).advantages, {-1 / d, 1 / d, -3 / d, 3 / d}, 1e-6,
              "A");
}

}  // namespace
