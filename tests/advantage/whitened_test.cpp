#include "hone/advantage/whitened.hpp"

#include <gtest/gtest.h>

#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/monte_carlo.hpp"
#include "run.hpp"

namespace {

using namespace hone_test;
using namespace hone::advantage;

TEST(Whitened, HasMeanZeroAndVarianceOneOverSampledTokens) {
  const Batch b = random_batch(5);
  const Result r = run(Whitened{.inner = Gae{}}, b);
  double sum = 0, squares = 0, count = 0;
  for (std::size_t t = 0; t < b.tokens(); ++t) {
    if (!b.mask[t]) {
      ASSERT_EQ(r.advantages[t], 0) << t;
      continue;
    }
    ++count;
    sum += r.advantages[t];
    squares += static_cast<double>(r.advantages[t]) * r.advantages[t];
  }
  EXPECT_NEAR(sum / count, 0, 1e-7);
  EXPECT_NEAR(squares / (count - 1), 1, 1e-6);
}

TEST(Whitened, LeavesTheCriticsTargetsAlone) {
  const Batch b = random_batch(6);
  EXPECT_EQ(run(Whitened{.inner = Gae{}}, b).returns, run(Gae{}, b).returns);
}

TEST(Whitened, EachConventionIsAMember) {
  const Batch b = one_group({1, 2, 3, 6});  // as returns: mean 3, squares 14
  const auto expect = [&](const Whitened<MonteCarlo>& p, double divisor, double shift = 0) {
    expect_near(run(p, b).advantages,
                {-2 / divisor + shift, -1 / divisor + shift, shift, 3 / divisor + shift}, 1e-6,
                "A");
  };
  expect({.epsilon = 0}, std::sqrt(14.0 / 3));
  expect({.ddof = 0, .epsilon = 0}, std::sqrt(14.0 / 4));
  expect({.epsilon = 2}, std::sqrt(14.0 / 3 + 2));
  expect({.epsilon = 0, .variance_floor = 9}, 3);
  expect({.epsilon = 0, .deviation_epsilon = 1}, std::sqrt(14.0 / 3) + 1);
  expect({.epsilon = 0, .keep_mean = true}, std::sqrt(14.0 / 3), 3);
  expect({.scale = false}, 1);
}

TEST(Whitened, AnswersCountOnceIfAsked) {
  const Batch b = one_group({1, 3}, {3, 1});
  EXPECT_EQ(run(Whitened{.inner = MonteCarlo{}, .ddof = 0, .epsilon = 0, .unit = Unit::answer}, b)
                .advantages,
            (std::vector<float>{-1, -1, -1, 1}));
  expect_near(run(Whitened{.inner = MonteCarlo{}, .ddof = 0, .epsilon = 0}, b).advantages,
              {-1 / std::sqrt(3.0), -1 / std::sqrt(3.0), -1 / std::sqrt(3.0), std::sqrt(3.0)}, 1e-6,
              "A");
}

TEST(Whitened, DegenerateBatchesGiveZero) {
  EXPECT_EQ(run(Whitened{.inner = MonteCarlo{}, .epsilon = 0}, one_group({5})).advantages,
            (std::vector<float>{0}));
  EXPECT_EQ(run(Whitened{.inner = MonteCarlo{}, .epsilon = 0}, one_group({0.1f, 0.1f})).advantages,
            (std::vector<float>{0, 0}));
  EXPECT_TRUE(run(Whitened{.inner = MonteCarlo{}}, one_group({5, 6}, {0, 0})).advantages.empty());
  EXPECT_TRUE(run(Whitened{.inner = MonteCarlo{}}, Batch{}).advantages.empty());
}

TEST(Whitened, NeedsWhatTheInnerPolicyNeeds) {
  static_assert(needs_values_v<Whitened<Gae>> && !needs_groups_v<Whitened<Gae>>);
  static_assert(!needs_values_v<Whitened<LeaveOneOut>> && needs_groups_v<Whitened<LeaveOneOut>>);
  static_assert(kind_of<Whitened<Gae>> == Kind::batch);
  const Whitened<Whitened<GroupRelative>> twice;
  static_assert(needs_groups_v<decltype(twice)>);
  EXPECT_EQ(run(twice, one_group({1, 3})).advantages[1] > 0, true);
}

}  // namespace
