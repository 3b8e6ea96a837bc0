#include "hone/loss/orpo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(Orpo, IsTheFormula) {
  static_assert(!reads<loss::Orpo>.chosen.ref_logprob);
  check_objective(loss::Orpo{.lambda = 0.5f}, [](const auto& p, const auto&) {
    const double c = p.chosen.logprob / p.chosen.length;
    const double r = p.rejected.logprob / p.rejected.length;
    const double odds = c - std::log(1 - std::exp(c)) - (r - std::log(1 - std::exp(r)));
    return -c - 0.5 * log_sigmoid_reference(odds);
  });
}

TEST(Orpo, ACertainAnswerIsDefined) {
  PairInputs<double> p;
  p.chosen = {.logprob = 0, .length = 3};
  p.rejected = {.logprob = -6, .length = 3};
  const auto r = differentiate(loss::Orpo{}, p);
  EXPECT_TRUE(std::isfinite(r.value)) << r.value;
  EXPECT_TRUE(std::isfinite(r.slope.chosen.logprob)) << r.slope.chosen.logprob;
  EXPECT_TRUE(std::isfinite(r.slope.rejected.logprob)) << r.slope.rejected.logprob;
}

}  // namespace
}  // namespace hone::test
