#include "hone/loss/robust_dpo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

double shift(const PairInputs<double>& p) {
  return p.chosen.logprob - p.rejected.logprob - (p.chosen.ref_logprob - p.rejected.ref_logprob);
}

TEST(RobustDpo, IsTheFormula) {
  check_objective(
      loss::RobustDpo{.beta = 0.5f, .label_smoothing = 0.125f}, [](const auto& p, const auto&) {
        const double x = 0.5 * shift(p);
        return (-0.875 * log_sigmoid_reference(x) + 0.125 * log_sigmoid_reference(-x)) / 0.75;
      });
}

}  // namespace
}  // namespace hone::test
