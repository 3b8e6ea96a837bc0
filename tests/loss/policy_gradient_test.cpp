#include "hone/loss/policy_gradient.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(PolicyGradient, IsReinforce) {
  static_assert(reads<loss::PolicyGradient>.advantage);
  static_assert(!reads<loss::PolicyGradient>.old_logprob);  // one on-policy pass needs none
  check_objective(loss::PolicyGradient{},
                  [](const auto& t, const auto&) { return -t.advantage * t.logprob; });
}

}  // namespace
}  // namespace hone::test
