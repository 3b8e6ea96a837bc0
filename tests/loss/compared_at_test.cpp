#include "hone/loss/compared_at.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>
#include <vector>

#include "hone/core/differentiate.hpp"
#include "hone/loss/bradley_terry.hpp"

namespace hone {
namespace {

TEST(ComparedAt, IsTheLossWithPositionsOfItsOwn) {
  constexpr loss::ComparedAt f{loss::BradleyTerry{.centring = 0.25f}, loss::FromDivergence{}};
  static_assert(level_of<decltype(f)> == Level::score);
  static_assert(differentiates<decltype(f)>.chosen && differentiates<decltype(f)>.rejected);
  const ScoreInputs<double> s{.chosen = 0.5, .rejected = -0.25, .margin = 0.125};
  EXPECT_EQ(value_at(f, s), value_at(f.loss, s));
  EXPECT_NEAR(value_at(f, s), std::log1p(std::exp(-0.625)) + 0.25 * 0.0625, 1e-12);
}

TEST(ComparedAt, ALossWithoutPositionsComparesTheEnds) {
  static_assert(
      std::is_same_v<decltype(loss::positions_of(loss::BradleyTerry{})), loss::EndScores>);
  constexpr loss::ComparedAt f{loss::BradleyTerry{}, loss::FromDivergence{}};
  static_assert(std::is_same_v<decltype(loss::positions_of(f)), loss::FromDivergence>);
}

}  // namespace
}  // namespace hone
