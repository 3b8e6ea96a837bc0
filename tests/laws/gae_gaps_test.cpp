// Law 11: GAE over gaps equals GAE over the compacted sequence. Every bit, for every estimator that
// walks along a sequence, at a real end and at a truncation.
#include <gtest/gtest.h>

#include "../advantage/run.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/monte_carlo.hpp"
#include "hone/advantage/reinforce_plus_plus.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/advantage/vapo_gae.hpp"

namespace {

using namespace hone_test;
using namespace hone::advantage;

Batch compacted(const Batch& b) {
  Batch out;
  for (std::size_t s = 0; s < b.sequences(); ++s) {
    std::vector<Batch::Token> tokens;
    for (const std::size_t t : sampled(b, s)) tokens.push_back({b.rewards[t], b.values[t]});
    out.add(tokens, b.groups[s], b.scores[s], b.truncated[s], b.bootstrap[s], b.greedy[s]);
  }
  return out;
}

template <class P>
void expect_transparent(const char* name, const P& policy) {
  std::size_t gaps = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Batch b = random_batch(seed, {.sequences = 60, .longest = 200, .gap_rate = 0.4});
    const Batch dense = compacted(b);
    const Result with = run(policy, b), without = run(policy, dense);
    std::size_t next = 0;
    for (std::size_t t = 0; t < b.tokens(); ++t) {
      if (!b.mask[t]) {
        ++gaps;
        ASSERT_EQ(with.advantages[t], 0) << name;
        ASSERT_EQ(with.returns[t], 0) << name;
        continue;
      }
      ASSERT_EQ(with.advantages[t], without.advantages[next]) << name << ", token " << t;
      ASSERT_EQ(with.returns[t], without.returns[next]) << name << ", token " << t;
      ++next;
    }
    ASSERT_EQ(next, dense.tokens());
  }
  EXPECT_GT(gaps, 10000u) << name;
}

TEST(GaeGaps, AreTransparent) {
  expect_transparent("Gae", Gae{.gamma = 0.99f, .lambda = 0.9f});
  expect_transparent("DecoupledGae", DecoupledGae{});
  expect_transparent("VapoGae", VapoGae{});
  expect_transparent("MonteCarlo", MonteCarlo{.gamma = 0.9f});
  expect_transparent("ReMax", ReMax{});
  expect_transparent("ReinforcePlusPlus", ReinforcePlusPlus{});
}

}  // namespace
