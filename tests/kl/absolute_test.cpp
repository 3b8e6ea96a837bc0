#include "hone/kl/absolute.hpp"

#include <gtest/gtest.h>

#include "../loss/objective_check.hpp"

namespace hone::test {
namespace {

TEST(Absolute, IsTheAbsoluteLogRatio) {
  check_objective(kl::Absolute{},
                  [](const auto& t, const auto&) { return std::fabs(t.logprob - t.ref_logprob); });
  const auto r =
      differentiate(kl::Absolute{}, TokenInputs<float>{.logprob = -1, .ref_logprob = -1});
  EXPECT_EQ(r.slope.logprob, 0.0f);
}

}  // namespace
}  // namespace hone::test
