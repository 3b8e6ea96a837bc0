#include "hone/loss/simpo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(SimPo, NeedsNoReference) {
  constexpr auto r = reads<loss::SimPo>;
  static_assert(!r.chosen.ref_logprob && !r.rejected.ref_logprob && r.chosen.length);
}

TEST(SimPo, IsTheFormula) {
  check_objective(loss::SimPo{.beta = 2, .gamma = 0.5f, .label_smoothing = 0.25f}, [](const auto& p,
                                                                                      const auto&) {
    const double x =
        2 * (p.chosen.logprob / p.chosen.length - p.rejected.logprob / p.rejected.length) - 0.5;
    return -0.75 * log_sigmoid_reference(x) - 0.25 * log_sigmoid_reference(-x);
  });
}

}  // namespace
}  // namespace hone::test
