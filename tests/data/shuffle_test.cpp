#include "hone/data/shuffle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <range/v3/range/conversion.hpp>
#include <string>

namespace {

using namespace hone;
using namespace hone::data;

TEST(Shuffle, IsAPermutationThatDependsOnSeedAndEpochAlone) {
  const auto order = permutation(1000, 5, 2);
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (std::uint64_t i = 0; i < sorted.size(); ++i) ASSERT_EQ(sorted[i], i);
  EXPECT_EQ(order, permutation(1000, 5, 2));
  EXPECT_NE(order, permutation(1000, 5, 3));
  EXPECT_NE(order, permutation(1000, 6, 2));
  EXPECT_TRUE(permutation(0, 1).empty());
}

TEST(Shuffle, IsTheSameOnEveryMachine) {
  // Written down once; another compiler or instruction set must agree.
  EXPECT_EQ(permutation(10, 1), (std::vector<std::uint64_t>{8, 2, 9, 0, 4, 7, 6, 3, 1, 5}));
}

TEST(Shuffle, ReachesEveryOrderEquallyOften) {
  int counts[6] = {};
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    const auto p = permutation(3, seed);
    ++counts[p[0] * 2 + (p[1] > p[2])];
  }
  for (const int c : counts) EXPECT_NEAR(c, 1000, 5 * 29);
}

TEST(Shuffle, ViewsPointAtTheElementsThemselves) {
  std::vector<std::string> words = {"a", "b", "c", "d"};
  const auto mixed = words | shuffled(9) | ranges::to<std::vector<std::string>>();
  auto sorted = mixed;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, words);
  for (std::string& w : words | picked({3, 3, 0})) w += "!";
  EXPECT_EQ(words, (std::vector<std::string>{"a!", "b", "c", "d!!"}));
}

}  // namespace
