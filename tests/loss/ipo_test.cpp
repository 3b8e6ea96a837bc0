#include "hone/loss/ipo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

double shift(const PairInputs<double>& p) {
  return p.chosen.logprob - p.rejected.logprob - (p.chosen.ref_logprob - p.rejected.ref_logprob);
}

TEST(Ipo, OfTokenMeans) {
  check_objective(loss::Ipo{.beta = 0.5f}, [](const auto& p, const auto&) {
    const double d = (p.chosen.logprob - p.chosen.ref_logprob) / p.chosen.length -
                     (p.rejected.logprob - p.rejected.ref_logprob) / p.rejected.length;
    return (d - 1) * (d - 1);
  });
}

TEST(Ipo, OfTokenSums) {
  check_objective(loss::Ipo{.beta = 0.25f, .token_mean = false},
                  [](const auto& p, const auto&) { return (shift(p) - 2) * (shift(p) - 2); });
}

}  // namespace
}  // namespace hone::test
