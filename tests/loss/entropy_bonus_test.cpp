#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/sum.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(EntropyBonus, IsLinearInTheEntropy) {
  static_assert(reads<loss::EntropyBonus>.entropy && !reads<loss::EntropyBonus>.logprob);
  static_assert(slopes<loss::EntropyBonus> == 1);
  check_objective(loss::EntropyBonus{.coef = 0.25f},
                  [](const auto& t, const auto&) { return -0.25 * t.entropy; });
}

TEST(EntropyBonus, JoinsASequenceLossPerToken) {
  check_objective(
      loss::Sum{loss::Gspo{}, loss::EntropyBonus{.coef = 0.25f}}, [](const auto& s, const auto&) {
        const double r = std::exp((s.logprob - s.old_logprob) / s.length);
        const double clipped = std::min(std::max(r, double(1 - 0.2f)), double(1 + 0.2f));
        return -std::min(r * s.advantage, clipped * s.advantage) - 0.25 * s.entropy / s.length;
      });
}

}  // namespace
}  // namespace hone::test
