#include "hone/kl/k3.hpp"

#include <gtest/gtest.h>

#include "../loss/objective_check.hpp"

namespace hone::test {
namespace {

double k3(double x) { return std::exp(x) - 1 - x; }

TEST(K3, IsNeverNegative) {
  check_objective(kl::K3{},
                  [](const auto& t, const auto&) { return k3(t.ref_logprob - t.logprob); });
  // In float too, and close to 0 where e^x - 1 - x cancels.
  for (float x = -1e-3f; x < 1e-3f; x += 1e-6f) {
    const float k = value_at(kl::K3{}, TokenInputs<float>{.logprob = 0, .ref_logprob = x});
    ASSERT_GE(k, -1e-10f) << "at " << x;
    ASSERT_NEAR(k, k3(x), 1e-9) << "at " << x;
  }
  EXPECT_EQ(value_at(kl::K3{}, TokenInputs<float>{.logprob = -2, .ref_logprob = -2}), 0.0f);
}

TEST(K3, LimitsOnItsArgumentAndItsResult) {
  check_objective(kl::K3{.log_ratio_limit = 0.5f}, [](const auto& t, const auto&) {
    return k3(std::min(std::max(t.ref_logprob - t.logprob, -0.5), 0.5));
  });
  check_objective(kl::K3{.limit = 0.0625f}, [](const auto& t, const auto&) {
    return std::min(k3(t.ref_logprob - t.logprob), 0.0625);
  });
}

TEST(K3, AnOverflowIsLimitedWithoutNotANumber) {
  const auto r = differentiate(kl::K3{.log_ratio_limit = 20, .limit = 10},
                               TokenInputs<float>{.logprob = -500, .ref_logprob = 0});
  EXPECT_EQ(r.value, 10.0f);
  EXPECT_EQ(r.slope.logprob, 0.0f);
}

}  // namespace
}  // namespace hone::test
