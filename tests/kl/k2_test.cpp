#include "hone/kl/k2.hpp"

#include <gtest/gtest.h>

#include "../loss/objective_check.hpp"

namespace hone::test {
namespace {

TEST(K2, IsHalfTheSquare) {
  check_objective(kl::K2{}, [](const auto& t, const auto&) {
    return 0.5 * (t.logprob - t.ref_logprob) * (t.logprob - t.ref_logprob);
  });
  check_objective(kl::K2{.limit = 0.125f}, [](const auto& t, const auto&) {
    return std::min(0.5 * (t.logprob - t.ref_logprob) * (t.logprob - t.ref_logprob), 0.125);
  });
}

}  // namespace
}  // namespace hone::test
