// Law 14: whitening uses unmasked entries only; a single element and zero variance are defined. And
// of law 1: permuting the samples changes no bit of any advantage.
#include <gtest/gtest.h>

#include "../advantage/run.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/reinforce_plus_plus.hpp"

namespace {

using namespace hone_test;
using namespace hone::advantage;

TEST(Whitening, NothingOutsideTheMaskIsRead) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float junk : {nan, infinity, -1e30f, 0.0f}) {
    Batch b = random_batch(1);
    const Result with_nan = run(Whitened<Gae>{}, b);
    for (std::size_t t = 0; t < b.tokens(); ++t)
      if (!b.mask[t]) b.rewards[t] = b.values[t] = junk;
    for (std::size_t s = 0; s < b.sequences(); ++s)
      if (!b.truncated[s]) b.bootstrap[s] = junk;
    const Result with_junk = run(Whitened<Gae>{}, b);
    EXPECT_EQ(with_junk.advantages, with_nan.advantages) << junk;
    EXPECT_EQ(with_junk.returns, with_nan.returns) << junk;
  }
}

TEST(Whitening, ASingleElementAndZeroVariance) {
  EXPECT_EQ(run(ReinforcePlusPlus{}, one_group({3})).advantages, (std::vector<float>{0}));
  EXPECT_EQ(run(ReinforcePlusPlus{.epsilon = 0}, one_group({0.7f, 0.7f, 0.7f})).advantages,
            (std::vector<float>{0, 0, 0}));
  EXPECT_EQ(run(ReinforcePlusPlus{.ddof = 0, .epsilon = 0}, one_group({3})).advantages,
            (std::vector<float>{0}));
}

// The sequences of a batch in another order.
Batch permuted(const Batch& b, std::uint64_t seed, std::vector<std::size_t>& order) {
  hone::RandomStream random({.seed = seed});
  order.resize(b.sequences());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  Batch out;
  for (const std::size_t s : order) {
    std::vector<Batch::Token> tokens;
    for (auto t = b.offsets[s]; t < b.offsets[s + 1]; ++t) {
      const auto i = static_cast<std::size_t>(t);
      tokens.push_back({b.rewards[i], b.values[i], b.mask[i] != 0});
    }
    out.add(tokens, b.groups[s], b.scores[s], b.truncated[s], b.bootstrap[s], b.greedy[s]);
  }
  return out;
}

template <class P>
void expect_free_of_order(const char* name, const P& policy) {
  const Batch b = random_batch(2, {.sequences = 64, .longest = 40, .group_size = 8});
  const Result first = run(policy, b);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::vector<std::size_t> order;
    const Batch p = permuted(b, seed, order);
    const Result second = run(policy, p);
    for (std::size_t s = 0; s < order.size(); ++s)
      for (std::int64_t k = 0; k < p.offsets[s + 1] - p.offsets[s]; ++k) {
        const auto there = static_cast<std::size_t>(p.offsets[s] + k);
        const auto here = static_cast<std::size_t>(b.offsets[order[s]] + k);
        ASSERT_EQ(second.advantages[there], first.advantages[here]) << name;
        ASSERT_EQ(second.returns[there], first.returns[here]) << name;
      }
  }
}

TEST(Whitening, TheOrderOfTheBatchChangesNoBit) {
  expect_free_of_order("Whitened<Gae>", Whitened<Gae>{});
  expect_free_of_order("ReinforcePlusPlus", ReinforcePlusPlus{});
  expect_free_of_order("GroupRelative", GroupRelative{});
  expect_free_of_order("GroupRelative, batch", GroupRelative{.scale = Scale::batch});
  expect_free_of_order("GroupRelative, leave one out", GroupRelative{.leave_one_out = true});
  expect_free_of_order("LeaveOneOut", LeaveOneOut{});
  expect_free_of_order("Opo", Opo{});
  expect_free_of_order("Whitened<LeaveOneOut>", Whitened<LeaveOneOut>{});
}

}  // namespace
