#include "hone/kl/straight_through.hpp"
#include "hone/kl/k2.hpp"
#include "hone/kl/k3.hpp"

#include <gtest/gtest.h>

#include "../loss/objective_check.hpp"

namespace hone::test {
namespace {

TEST(StraightThrough, TakesTheValueOfOneAndTheGradientOfTheOther) {
  constexpr kl::StraightThrough<kl::K3, kl::K2> f;
  Draw random(1);
  for (int i = 0; i < 100; ++i) {
    const auto t = random.token();
    const auto r = differentiate(f, t);
    EXPECT_DOUBLE_EQ(r.value, value_at(kl::K3{}, t));
    EXPECT_DOUBLE_EQ(r.slope.logprob, differentiate(kl::K2{}, t).slope.logprob);
  }
}

TEST(ScoreFunction, AddsTheGradientOfTheSampling) {
  constexpr kl::ScoreFunction<kl::K3> f;
  check_objective(f, [](const auto& t, const auto& held) {
    const double x = t.ref_logprob - t.logprob;
    return std::exp(t.logprob - held.logprob) * (std::exp(x) - 1 - x);
  });
}

}  // namespace
}  // namespace hone::test
