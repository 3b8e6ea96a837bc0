#include "hone/kl/k1.hpp"

#include <gtest/gtest.h>

#include "../loss/objective_check.hpp"

namespace hone::test {
namespace {

TEST(K1, IsTheLogRatio) {
  static_assert(reads<kl::K1>.ref_logprob && !reads<kl::K1>.old_logprob);
  check_objective(kl::K1{}, [](const auto& t, const auto&) { return t.logprob - t.ref_logprob; });
}

TEST(K1, Limited) {
  check_objective(kl::K1{.limit = 0.5f}, [](const auto& t, const auto&) {
    return std::min(std::max(t.logprob - t.ref_logprob, -0.5), 0.5);
  });
}

}  // namespace
}  // namespace hone::test
