#include "hone/data/augment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <range/v3/range/conversion.hpp>

namespace {

using namespace hone;
using namespace hone::data;

Words numbers(int count) {
  Words out;
  for (int i = 0; i < count; ++i) out.push_back(std::to_string(i));
  return out;
}

TEST(Augment, DeletesTheShareAskedForInOrder) {
  RandomStream random({.seed = 1});
  const Words words = numbers(10000);
  const Words kept = DeleteWords{.probability = 0.3}(words, random);
  EXPECT_NEAR(static_cast<double>(kept.size()), 7000, 4 * 46);
  EXPECT_TRUE(std::includes(
      words.begin(), words.end(), kept.begin(), kept.end(),
      [](const std::string& a, const std::string& b) { return std::stoi(a) < std::stoi(b); }));
  EXPECT_EQ((DeleteWords{.probability = 1.0}(numbers(5), random).size()), 1u);
  EXPECT_TRUE((DeleteWords{}(Words{}, random).empty()));
}

TEST(Augment, ReplacesInsertsAndShuffles) {
  RandomStream random({.seed = 2});
  const AnyOf x{.words = {"x"}};
  const Words replaced = ReplaceWords{.other = x, .probability = 0.25}(numbers(8000), random);
  EXPECT_NEAR(static_cast<double>(std::count(replaced.begin(), replaced.end(), "x")), 2000, 4 * 39);
  const Words inserted = InsertWords{.other = x, .probability = 0.25}(numbers(8000), random);
  EXPECT_NEAR(static_cast<double>(inserted.size()), 10000, 4 * 39);
  Words without = inserted;
  std::erase(without, "x");
  EXPECT_EQ(without, numbers(8000));
  EXPECT_EQ((ReplaceWords{.other = AnyOf{}, .probability = 1.0}(numbers(3), random)), numbers(3));

  Words near = ShuffleWords{.probability = 0.5}(numbers(1000), random);
  EXPECT_NE(near, numbers(1000));
  std::sort(near.begin(), near.end());
  Words sorted = numbers(1000);
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(near, sorted);
}

TEST(Augment, IsAFunctionOfSeedEpochAndRecord) {
  std::vector<Record> records;
  for (std::uint64_t i = 0; i < 20; ++i)
    records.push_back(demonstration(i, "one two  three\tfour five six seven", "keep this answer"));
  const Augmentations policy{DeleteWords{.probability = 0.2},
                             ShuffleWords{.probability = 0.5, .everywhere = true}};
  const auto run = [&](std::uint64_t seed, std::uint64_t epoch) {
    return records | augmented(policy, seed, epoch) | ranges::to<std::vector<Record>>();
  };
  const auto first = run(1, 0);
  EXPECT_EQ(first, run(1, 0));
  EXPECT_NE(first, run(1, 1));
  EXPECT_NE(first, run(2, 0));
  EXPECT_NE(first[0].prompt.text, first[1].prompt.text);
  EXPECT_EQ(first[0].answers[0].content.text, "keep this answer");
}

}  // namespace
