#include "hone/loss/dppo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(Dppo, DropsTokensWhoseProbabilityMovedTooFar) {
  check_objective(loss::Dppo{.mask_low = 0.05f, .mask_high = 0.1f, .kl_coef = 0.125f},
                  [](const auto& t, const auto& held) {
                    const double l = t.logprob - t.old_logprob;
                    const double moved = std::exp(held.logprob) - std::exp(t.old_logprob);
                    const bool keep =
                        t.advantage > 0 ? moved <= double(0.1f) : moved >= -double(0.05f);
                    return (keep ? -t.advantage * std::exp(l) : 0.0) + 0.125 * l * l;
                  });
}

TEST(Dppo, ARareTokenIsKeptWhateverItsRatio) {
  // r = e^4, but the probability moved by 0.005 only.
  const auto r = differentiate(
      loss::Dppo{}, TokenInputs<float>{.logprob = -5.2f, .old_logprob = -9.2f, .advantage = 1});
  EXPECT_NEAR(r.slope.logprob, -std::exp(4.0), 1e-3);
}

}  // namespace
}  // namespace hone::test
