#include "hone/loss/value_clip.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(ValueClip, IsTheFormula) {
  static_assert(reads<loss::ValueClip>.old_value);
  check_objective(loss::ValueClip{}, [](const auto& v, const auto&) {
    const double c = 0.2f;
    const double clipped = std::min(std::max(v.value, v.old_value - c), v.old_value + c);
    return 0.5 *
           std::max((v.value - v.ret) * (v.value - v.ret), (clipped - v.ret) * (clipped - v.ret));
  });
}

TEST(ValueClip, IsWeighedByItsCoefficient) {
  const ValueInputs<float> in{.value = 3, .old_value = 1, .ret = 2};
  const auto one = differentiate(loss::ValueClip{}, in);
  const auto quarter = differentiate(loss::ValueClip{.coef = 0.25f}, in);
  EXPECT_EQ(quarter.value, 0.25f * one.value);
  EXPECT_EQ(quarter.slope.value, 0.25f * one.slope.value);
}

TEST(ValueClip, UnlimitedIsTheSquare) {
  const loss::ValueClip f{.value_clip = unlimited};
  const auto r = differentiate(f, ValueInputs<float>{.value = 3, .old_value = 1, .ret = 2});
  EXPECT_EQ(r.value, 0.5f);
  EXPECT_EQ(r.slope.value, 1.0f);
}

}  // namespace
}  // namespace hone::test
