#include "hone/loss/dpo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

double shift(const PairInputs<double>& p) {
  return p.chosen.logprob - p.rejected.logprob - (p.chosen.ref_logprob - p.rejected.ref_logprob);
}

TEST(Dpo, IsTheFormula) {
  static_assert(level_of<loss::Dpo> == Level::pair);
  constexpr auto r = reads<loss::Dpo>;
  static_assert(r.chosen.logprob && r.rejected.ref_logprob && !r.chosen.length && !r.margin);
  static_assert(slopes<loss::Dpo> == 2);
  check_objective(loss::Dpo{.beta = 0.25f}, [](const auto& p, const auto&) {
    return -log_sigmoid_reference(0.25 * shift(p));
  });
}

TEST(Dpo, LabelSmoothingIsCdpo) {
  check_objective(loss::Dpo{.beta = 0.5f, .label_smoothing = 0.125f},
                  [](const auto& p, const auto&) {
                    const double x = 0.5 * shift(p);
                    return -0.875 * log_sigmoid_reference(x) - 0.125 * log_sigmoid_reference(-x);
                  });
}

TEST(Dpo, StartsAtLogTwo) {
  PairInputs<double> p;
  p.chosen = {.logprob = -10, .ref_logprob = -10, .length = 3};
  p.rejected = {.logprob = -20, .ref_logprob = -20, .length = 4};
  const auto r = differentiate(loss::Dpo{}, p);
  EXPECT_NEAR(r.value, std::log(2.0), 1e-15);
  EXPECT_NEAR(r.slope.chosen.logprob, -0.05, 1e-9);
  EXPECT_NEAR(r.slope.rejected.logprob, 0.05, 1e-9);
}

}  // namespace
}  // namespace hone::test
