#include "hone/loss/value_mse.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(ValueMse, IsHalfTheSquare) {
  static_assert(level_of<loss::ValueMse> == Level::value);
  static_assert(!reads<loss::ValueMse>.old_value);
  check_objective(loss::ValueMse{}, [](const auto& v, const auto&) {
    return 0.5 * (v.value - v.ret) * (v.value - v.ret);
  });
}

}  // namespace
}  // namespace hone::test
