#include "hone/kl/in_reward.hpp"
#include "hone/kl/k2.hpp"

#include <gtest/gtest.h>

#include "../loss/objective_check.hpp"

namespace hone::test {
namespace {

TEST(InReward, IsTakenFromTheReward) {
  check_objective(kl::InReward{.coef = 0.5f},
                  [](const auto& t, const auto&) { return -0.5 * (t.logprob - t.ref_logprob); });
  check_objective(kl::InReward{.estimator = kl::K2{}, .coef = 0.5f},
                  [](const auto& t, const auto&) {
                    return -0.25 * (t.logprob - t.ref_logprob) * (t.logprob - t.ref_logprob);
                  });
}

}  // namespace
}  // namespace hone::test
