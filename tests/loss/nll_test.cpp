#include "hone/loss/nll.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(Nll, IsMinusLogProbability) {
  static_assert(reads<loss::Nll>.logprob && !reads<loss::Nll>.old_logprob);
  static_assert(!reads<loss::Nll>.ref_logprob && !reads<loss::Nll>.advantage);
  static_assert(slopes<loss::Nll> == 1);
  check_objective(loss::Nll{}, [](const auto& t, const auto&) { return -t.logprob; });
}

}  // namespace
}  // namespace hone::test
