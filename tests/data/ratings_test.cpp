#include "hone/data/ratings.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <range/v3/range/conversion.hpp>
#include <set>

#include "hone/data/loader.hpp"
#include "hone/data/split.hpp"
#include "hone/data/stage.hpp"
#include "support.hpp"

namespace {

using namespace hone;
using namespace hone::data;

TEST(Ratings, NameThePlaceOfEveryFault) {
  const std::string path = testing::TempDir() + "ratings.txt";
  const auto error_of = [&](const std::string& text) -> std::string {
    std::ofstream(path, std::ios::binary) << text;
    try {
      read_ratings(path);
    } catch (const Error& e) {
      return std::string(e.what()).substr(path.size());
    }
    return "no error";
  };
  EXPECT_EQ(error_of("1\t0.5\tgood\r\n2\t-1\tbad"), "no error");
  EXPECT_EQ(error_of("1\t0.5\tgood\n2\tbad\n"),
            ":2: the line has one tab, expected id TAB mean TAB text");
  EXPECT_EQ(error_of("1 0.5 good"), ":1: the line has no tab, expected id TAB mean TAB text");
  EXPECT_EQ(error_of("x1\t0.5\tgood"), ":1: the id is \"x1\", expected a whole number");
  EXPECT_EQ(error_of("1\t0.5x\tgood"), ":1: the mean rating is \"0.5x\", expected a number");
  EXPECT_EQ(error_of("1\tnan\tgood"), ":1: the mean rating is nan, expected a number");
  EXPECT_EQ(error_of("1\t1\ta\n\n1\t2\tb"), ":3: id 1 occurs twice");
  EXPECT_EQ(error_of(""), ": holds no rating");
  EXPECT_THROW(read_ratings("/nowhere/ratings.txt"), Error);
  std::remove(path.c_str());
}

TEST(Ratings, FirstWords) {
  EXPECT_EQ(first_words("a bc  def g", 3), "a bc  def");
  EXPECT_EQ(first_words("a bc", 5), "a bc");
  EXPECT_EQ(first_words("", 2), "");
  EXPECT_EQ(first_words("a b", 0), "");
}

class RealRatings : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("HONE_TEST_DATA");
    if (!folder) GTEST_SKIP() << "HONE_TEST_DATA names no folder with vader/";
    ratings = read_ratings(std::string(folder) + "/vader/movieReviewSnippets_GroundTruth.txt");
  }
  std::vector<Rating> ratings;
};

TEST_F(RealRatings, AreRead) {
  ASSERT_EQ(ratings.size(), 10605u);
  EXPECT_EQ(ratings[2], (Rating{3, -0.6f, "Effective but too tepid biopic"}));
  EXPECT_EQ(ratings.back().id, 10605u);
  EXPECT_FLOAT_EQ(ratings.back().mean, -1.8125f);
  for (const Rating& r : ratings) {
    ASSERT_FALSE(r.text.empty()) << r.id;
    ASSERT_LE(std::abs(r.mean), 4.0f) << r.id;
  }
}

TEST_F(RealRatings, GivePairsAboveTheThreshold) {
  const auto pairs = RatedPairs{.count = 5000, .min_difference = 1.0f, .seed = 2}(ratings);
  std::set<std::array<std::uint64_t, 2>> unique(pairs.begin(), pairs.end());
  EXPECT_EQ(unique.size(), 5000u);
  for (const auto& [better, worse] : pairs)
    ASSERT_GT(ratings[better].mean - ratings[worse].mean, 1.0f);
  EXPECT_THROW((RatedPairs{.count = 10, .min_difference = 9.0f}(ratings)), Error);
}

// The whole way of the example program: held-out split by id, groups, trees, batches.
TEST_F(RealRatings, BecomeTrainingBatches) {
  const Split split{.ratios = {9, 1}, .seed = 1};
  const auto train = ratings | split.only(0) | ranges::to<std::vector<Rating>>();
  const auto held_out = ratings | split.only(1) | ranges::to<std::vector<Rating>>();
  EXPECT_EQ(train.size() + held_out.size(), ratings.size());
  EXPECT_NEAR(static_cast<double>(held_out.size()), 1060, 4 * 31);
  std::set<std::uint64_t> ids;
  for (const Rating& r : train) ids.insert(r.id);
  for (const Rating& r : held_out) ASSERT_FALSE(ids.count(r.id));

  const auto groups = RankedGroups{.size = 16, .prompt = "Review:", .seed = 3}(train);
  EXPECT_EQ(groups.size(), train.size() / 16);
  const Store store =
      prepare(groups, Rankings{.max_tokens = 300, .end = 257, .min_difference = 1.0f},
              Format{.text = {.before_answer = " "}}, data_test::bytes);
  EXPECT_EQ(store.tally().unusable(), 0u) << store.tally();
  std::uint64_t pairs = 0, expected = 0;
  Loader loader(store, {.size = {.trees = 1}, .seed = 4});
  for (std::uint64_t step = 0; step < store.size(); ++step) {
    const Batch batch = loader.batch(step);
    ASSERT_EQ(batch.forest.segments().size(), 17u);
    pairs += batch.pairs.size();
  }
  for (const Record& group : groups)
    for (const Answer& a : group.answers)
      for (const Answer& b : group.answers) expected += a.score - b.score > 1.0f;
  EXPECT_EQ(pairs, expected);
  EXPECT_NEAR(static_cast<double>(pairs) / (120.0 * static_cast<double>(groups.size())), 0.66,
              0.02);
}

}  // namespace
