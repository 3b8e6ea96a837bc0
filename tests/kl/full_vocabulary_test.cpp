#include "hone/kl/full_vocabulary.hpp"

#include <gtest/gtest.h>

#include "../loss/objective_check.hpp"

namespace hone::test {
namespace {

TEST(FullVocabulary, IsTheRowsOwnDivergence) {
  constexpr auto r = reads<kl::FullVocabulary>;
  static_assert(r.full_kl && !r.ref_logprob && !r.logprob);
  check_objective(kl::FullVocabulary{}, [](const auto& t, const auto&) { return t.full_kl; });
}

}  // namespace
}  // namespace hone::test
