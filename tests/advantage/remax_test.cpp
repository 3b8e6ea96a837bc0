#include "hone/advantage/remax.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using hone::advantage::ReMax;

TEST(ReMax, SubtractsTheGreedyScore) {
  Batch b;
  b.add({{-0.25f, 0}, {0, 0, false}, {1.5f, 0}}, 0, 1.5f, false, 0, 0.5f);
  b.add({{2, 0}}, 1, 2, true, 9.0f, 3.0f);  // cut off: no value to bootstrap from
  const Result r = run(ReMax{}, b);
  EXPECT_EQ(r.advantages, (std::vector<float>{0.75f, 0, 1, -1}));
  static_assert(hone::advantage::needs_greedy_baseline_v<ReMax>);
  static_assert(!hone::advantage::needs_values_v<ReMax> && !hone::advantage::needs_groups_v<ReMax>);
}

TEST(ReMax, SaysThatTheGreedyScoresAreMissing) {
  Batch b;
  b.add({{1, 0}}, 0, 1);
  auto in = b.view();
  in.greedy_scores = {};
  try {
    run(ReMax{}, in);
    FAIL() << "no error";
  } catch (const hone::Error& e) {
    EXPECT_STREQ(e.what(), "advantage: greedy_scores has 0 entries, expected 1");
  }
}

}  // namespace
