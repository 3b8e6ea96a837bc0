#include "hone/loss/sapo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(Sapo, IsTheFormula) {
  check_objective(loss::Sapo{}, [](const auto& t, const auto&) {
    const double tau = t.advantage > 0 ? 1.0 : double(1.05f);
    const double r = std::exp(t.logprob - t.old_logprob);
    return -t.advantage * sigmoid_reference(tau * (r - 1)) * 4 / tau;
  });
}

TEST(Sapo, OnPolicyItsSlopeIsThatOfTheRatio) {
  for (const float a : {1.5f, -0.5f}) {
    const auto r = differentiate(
        loss::Sapo{}, TokenInputs<double>{.logprob = -1, .old_logprob = -1, .advantage = a});
    EXPECT_NEAR(r.slope.logprob, -a, 1e-15);
  }
}

}  // namespace
}  // namespace hone::test
