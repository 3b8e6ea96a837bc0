#include "hone/loss/cispo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(Cispo, ClipsTheWeightAndKeepsTheGradient) {
  check_objective(loss::Cispo{.ratio_low = 0.8f, .ratio_high = 1.2f},
                  [](const auto& t, const auto& held) {
                    const double r = std::exp(held.logprob - t.old_logprob);
                    const double w = std::min(std::max(r, double(0.8f)), double(1.2f));
                    return -w * t.advantage * t.logprob;
                  });
}

TEST(Cispo, BoundsAboveOnlyByDefault) {
  const auto r = differentiate(
      loss::Cispo{}, TokenInputs<float>{.logprob = -3, .old_logprob = -1, .advantage = 2});
  EXPECT_NEAR(r.slope.logprob, -2 * std::exp(-2.0), 1e-6);
}

}  // namespace
}  // namespace hone::test
