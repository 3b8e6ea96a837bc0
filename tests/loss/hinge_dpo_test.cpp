#include "hone/loss/hinge_dpo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

double shift(const PairInputs<double>& p) {
  return p.chosen.logprob - p.rejected.logprob - (p.chosen.ref_logprob - p.rejected.ref_logprob);
}

TEST(HingeDpo, IsTheFormula) {
  check_objective(loss::HingeDpo{.beta = 0.5f},
                  [](const auto& p, const auto&) { return std::max(0.0, 1 - 0.5 * shift(p)); });
}

TEST(HingeDpo, HasNoGradientAtTheCorner) {
  PairInputs<double> p;
  p.chosen = {.logprob = -8, .ref_logprob = -10, .length = 3};
  p.rejected = {.logprob = -20, .ref_logprob = -20, .length = 4};
  const auto r = differentiate(loss::HingeDpo{.beta = 0.5f}, p);
  EXPECT_EQ(r.value, 0.0);
  EXPECT_EQ(r.slope.chosen.logprob, 0.0);
}

}  // namespace
}  // namespace hone::test
