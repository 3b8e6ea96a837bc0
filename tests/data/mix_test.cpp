#include "hone/data/mix.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace {

using namespace hone;
using namespace hone::data;

TEST(Mixture, GivesEachSourceItsShareOfEveryPrefix) {
  Mixture stream({{100, 3.0}, {7, 1.0}, {50, 0.5}}, 4);
  const double weights[] = {3 / 4.5, 1 / 4.5, 0.5 / 4.5};
  double counts[3] = {};
  for (std::uint64_t p = 0; p < 2000; ++p) {
    ++counts[stream.at(p).source];
    for (int s = 0; s < 3; ++s)
      ASSERT_NEAR(counts[s], weights[s] * static_cast<double>(p + 1), 1.0 + 1e-9)
          << "source " << s << " after " << p + 1;
  }
}

TEST(Mixture, RunsThroughEachSourceOncePerEpoch) {
  Mixture stream({{10, 1.0}, {4, 1.0}}, 1);
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::multiset<std::uint64_t>> seen;
  for (std::uint64_t p = 0; p < 80; ++p) {
    const Pick pick = stream.at(p);
    seen[{pick.source, pick.epoch}].insert(pick.index);
  }
  for (std::uint64_t epoch = 0; epoch < 4; ++epoch)
    EXPECT_EQ((seen[{0, epoch}]), (std::multiset<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  for (std::uint64_t epoch = 0; epoch < 10; ++epoch)
    EXPECT_EQ((seen[{1, epoch}]), (std::multiset<std::uint64_t>{0, 1, 2, 3}));
}

TEST(Mixture, AnswersForAnyPositionInAnyOrder) {
  for (const auto& sources : {std::vector<Mixture::Source>{{13, 1.0}},
                              std::vector<Mixture::Source>{{13, 2.0}, {5, 1.0}}}) {
    Mixture forward(sources, 7), jumping(sources, 7);
    std::vector<Pick> picks;
    for (std::uint64_t p = 0; p < 60; ++p) picks.push_back(forward.at(p));
    for (const std::uint64_t p : {59, 3, 40, 41, 0, 58, 12, 13, 12})
      EXPECT_EQ(jumping.at(p), picks[p]) << p;
    Mixture other(sources, 8);
    int differ = 0;
    for (std::uint64_t p = 0; p < 60; ++p) differ += other.at(p) != picks[p];
    EXPECT_GT(differ, 20);
  }
}

TEST(Mixture, KeepsTheOrderWhenAskedTo) {
  Mixture stream({{3, 1.0}}, 1, false);
  for (std::uint64_t p = 0; p < 9; ++p) EXPECT_EQ(stream.at(p), (Pick{0, p % 3, p / 3}));
}

TEST(Mixture, RefusesEmptySourcesAndWeights) {
  EXPECT_THROW(Mixture({}, 1), Error);
  EXPECT_THROW(Mixture({{0, 1.0}}, 1), Error);
  EXPECT_THROW(Mixture({{3, 0.0}}, 1), Error);
}

TEST(Balanced, RepeatsOrSamplesEveryClassToTheSameNumber) {
  const std::vector<std::string> classes = {"a", "b", "a", "a", "a", "b", "a", "c", "a", "a"};
  for (const Balance how : {Balance::repeat, Balance::sample}) {
    const auto order = balanced(classes, how, 3);
    std::map<std::string, std::map<std::uint64_t, int>> counts;
    for (const auto i : order) ++counts[classes[i]][i];
    const int each = how == Balance::repeat ? 7 : 1;
    ASSERT_EQ(order.size(), static_cast<std::size_t>(3 * each));
    for (const auto& [name, members] : counts) {
      int total = 0, least = 1 << 20, most = 0;
      for (const auto& [index, n] : members) {
        total += n;
        least = std::min(least, n);
        most = std::max(most, n);
      }
      EXPECT_EQ(total, each) << name;
      EXPECT_LE(most - least, 1) << name << ": members are used equally often";
    }
    EXPECT_EQ(order, balanced(classes, how, 3));
    EXPECT_NE(order, balanced(classes, how, 4));
  }
}

}  // namespace
