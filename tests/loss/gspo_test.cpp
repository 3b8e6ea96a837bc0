#include "hone/loss/gspo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(Gspo, ClipsTheGeometricMeanOfTheRatios) {
  static_assert(level_of<loss::Gspo> == Level::sequence);
  static_assert(reads<loss::Gspo>.length && !reads<loss::Gspo>.ref_logprob);
  check_objective(
      loss::Gspo{.clip = {.clip_low = 0.1f, .clip_high = 0.15f}}, [](const auto& s, const auto&) {
        const double r = std::exp((s.logprob - s.old_logprob) / s.length);
        const double clipped = std::min(std::max(r, double(1 - 0.1f)), double(1 + 0.15f));
        return -std::min(r * s.advantage, clipped * s.advantage);
      });
}

TEST(Gspo, WithoutLengthNormalisationIsPpoOnSequences) {
  const loss::Gspo f{.length_normalised = false};
  const auto r = differentiate(
      f,
      SequenceInputs<double>{.logprob = -10, .old_logprob = -10.125, .length = 5, .advantage = 2});
  EXPECT_NEAR(r.value, -2 * std::exp(0.125), 1e-12);
}

TEST(Gspo, LimitsTheRatioAboveOnly) {
  const loss::Gspo f{.log_ratio_max = 10};
  const auto at = [&](double log_ratio) {
    return differentiate(
        f, SequenceInputs<double>{
               .logprob = 2 * log_ratio, .old_logprob = 0, .length = 2, .advantage = -1});
  };
  EXPECT_NEAR(at(12).value, std::exp(10.0), 1e-9);
  EXPECT_EQ(at(12).slope.logprob, 0);
  EXPECT_NEAR(at(9).slope.logprob, std::exp(9.0) / 2, 1e-9);
  const loss::Gspo open{.clip = {.clip_low = 1}, .log_ratio_max = 10};
  const auto low = differentiate(
      open, SequenceInputs<double>{.logprob = -24, .old_logprob = 0, .length = 2, .advantage = 1});
  EXPECT_NEAR(low.value, -std::exp(-12.0), 1e-15);
  EXPECT_NEAR(low.slope.logprob, -std::exp(-12.0) / 2, 1e-15);
}

}  // namespace
}  // namespace hone::test
