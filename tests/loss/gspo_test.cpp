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

}  // namespace
}  // namespace hone::test
