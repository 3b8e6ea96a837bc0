#include "hone/loss/bradley_terry.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(BradleyTerry, ComparesTwoScores) {
  static_assert(level_of<loss::BradleyTerry> == Level::score);
  check_objective(loss::BradleyTerry{.centring = 0.125f}, [](const auto& s, const auto&) {
    return -log_sigmoid_reference(s.chosen - s.rejected - s.margin) +
           0.125 * (s.chosen + s.rejected) * (s.chosen + s.rejected);
  });
}

TEST(BradleyTerry, LargeDifferencesDoNotOverflow) {
  const auto r = differentiate(loss::BradleyTerry{}, ScoreInputs<float>{-500, 500, 0});
  EXPECT_EQ(r.value, 1000.0f);
  EXPECT_EQ(r.slope.chosen, -1.0f);
}

}  // namespace
}  // namespace hone::test
