#include "hone/kl/in_loss.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/kl/full_vocabulary.hpp"
#include "hone/kl/k2.hpp"

#include <gtest/gtest.h>

#include "../loss/objective_check.hpp"

namespace hone::test {
namespace {

double k3(const TokenInputs<double>& t) {
  const double x = t.ref_logprob - t.logprob;
  return std::exp(x) - 1 - x;
}

TEST(InLoss, IsWeightedByTheRatio) {
  static_assert(reads<kl::InLoss<>>.old_logprob);
  check_objective(kl::InLoss{.coef = 0.5f}, [](const auto& t, const auto&) {
    return 0.5 * std::exp(t.logprob - t.old_logprob) * k3(t);
  });
}

TEST(InLoss, OrNot) {
  check_objective(kl::InLoss{.coef = 0.5f, .unbiased = false},
                  [](const auto& t, const auto&) { return 0.5 * k3(t); });
}

TEST(InLoss, AnExactDivergenceNeedsNoRatio) {
  constexpr kl::InLoss f{.estimator = kl::FullVocabulary{}, .coef = 0.5f};
  using F = std::remove_const_t<decltype(f)>;
  static_assert(reads<F>.full_kl && !reads<F>.old_logprob && !reads<F>.logprob);
  check_objective(f, [](const auto& t, const auto&) { return 0.5 * t.full_kl; });
}

TEST(InLoss, OfAUsersEstimator) {
  constexpr auto k_abs = [](const auto& t) { return abs(t.logprob - t.ref_logprob); };
  constexpr kl::InLoss f{.estimator = k_abs, .coef = 0.25f};
  check_objective(f, [](const auto& t, const auto&) {
    return 0.25 * std::exp(t.logprob - t.old_logprob) * std::fabs(t.logprob - t.ref_logprob);
  });
}

TEST(InLoss, TakesTheCoefficientOfTheMoment) {
  constexpr kl::InLoss f{.estimator = kl::K2{}, .coef = kl::Adaptive{.initial = 0.3}};
  EXPECT_EQ(f.with({.coef = 0.125}).coef, 0.125f);
  EXPECT_EQ(f.with(kl::start(f.coef)).coef, 0.3f);
}

}  // namespace
}  // namespace hone::test
