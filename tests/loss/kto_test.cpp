#include "hone/loss/kto.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(Kto, WeighsDesirableAndUndesirableAnswers) {
  static_assert(reads<loss::Kto>.ref_logprob && reads<loss::Kto>.label &&
                reads<loss::Kto>.baseline && !reads<loss::Kto>.advantage);
  check_objective(loss::Kto{.beta = 0.5f, .desirable_weight = 1.5f, .undesirable_weight = 0.75f},
                  [](const auto& s, const auto&) {
                    const double g = s.logprob - s.ref_logprob;
                    return s.label > 0.5 ? 1.5 * (1 - sigmoid_reference(0.5 * (g - s.baseline)))
                                         : 0.75 * (1 - sigmoid_reference(0.5 * (s.baseline - g)));
                  });
}

TEST(Kto, TheBaselineIsNeverNegative) {
  EXPECT_EQ(loss::kto_baseline(6, 4), 1.5);
  EXPECT_EQ(loss::kto_baseline(-6, 4), 0.0);
  EXPECT_EQ(loss::kto_baseline(0, 0), 0.0);
}

}  // namespace
}  // namespace hone::test
