#include "hone/loss/ppo_penalty.hpp"
#include "hone/kl/coefficient.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(PpoPenalty, IsTheFormula) {
  check_objective(loss::PpoPenalty<>{.coef = 0.5f}, [](const auto& t, const auto&) {
    const double l = t.logprob - t.old_logprob, r = std::exp(l);
    return -r * t.advantage + 0.5 * (r - 1 - l);
  });
}

TEST(PpoPenalty, TakesTheCoefficientOfTheMoment) {
  const loss::PpoPenalty<kl::Doubling> adaptive;
  const auto now = adaptive.with(0.25f);
  static_assert(std::is_same_v<decltype(now), const loss::PpoPenalty<float>>);
  EXPECT_EQ(now.coef, 0.25f);
}

}  // namespace
}  // namespace hone::test
