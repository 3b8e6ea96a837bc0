#include "hone/reward/valence.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "hone/data/ratings.hpp"
#include "hone/reward/function.hpp"

namespace {

using namespace hone;
using reward::Valence;

TEST(Valence, IsTheMeanOfTheRatedWords) {
  const std::unordered_map<std::string, float> words = {
      {"good", 2}, {"bad", -3}, {":)", 1}, {"d:", -1}, {"no", -1}};
  const Valence mean(words);
  EXPECT_EQ(mean("A good, GOOD film."), 2.0f);
  EXPECT_EQ(mean("good but bad"), -0.5f);
  EXPECT_EQ(mean("\"Good!\" :) (d:)"), 1.5f) << "d in brackets and a colon is not d:";
  EXPECT_EQ(mean("no good"), 0.5f);
  EXPECT_EQ(mean("no, good"), 2.0f) << "a word of two letters keeps its comma";
  EXPECT_EQ(mean("\u00e9\u00e9, good!"), 2.0f);
  EXPECT_EQ(mean("D: good"), 0.5f);
  EXPECT_EQ(mean("goodness gracious"), 0.0f);
  EXPECT_EQ(mean(""), 0.0f);
  EXPECT_EQ(mean(" \n\t"), 0.0f);
  EXPECT_EQ(mean("... -- !"), 0.0f);
  EXPECT_EQ(Valence(words, true)("a good film indeed"), 0.5f);
  EXPECT_EQ(mean(Completion{.text = "bad"}), -3.0f);
  static_assert(reward::Reward<Valence>);
}

TEST(Valence, NamesThePlaceOfAFault) {
  const std::string path = testing::TempDir() + "lexicon.txt";
  const auto error_of = [&](const std::string& text) -> std::string {
    std::ofstream(path) << text;
    try {
      reward::read_lexicon(path);
    } catch (const Error& e) {
      return std::string(e.what()).substr(path.size());
    }
    return "no error";
  };
  EXPECT_EQ(error_of("good\t1.5\t0.5\nbad\n"),
            ":2: the line has no tab, expected word TAB mean rating");
  EXPECT_EQ(error_of("good\tmuch\n"), ":1: the mean rating is \"much\", expected a number");
  EXPECT_EQ(error_of(""), ": holds no word");
  EXPECT_EQ(error_of("good\t1.5"), "no error");
  std::remove(path.c_str());
  EXPECT_THROW(Valence("/nowhere/lexicon.txt"), Error);
}

// The judge alone, against the people who rated the snippets: right on about 0.68 of the pairs
// whose ratings differ by more than 1.
TEST(Valence, AgreesWithPeopleOnRealPairs) {
  const char* folder = std::getenv("HONE_TEST_DATA");
  if (!folder) GTEST_SKIP() << "HONE_TEST_DATA names no folder with vader/";
  const Valence judge(std::string(folder) + "/vader/vader_lexicon.txt");
  const auto ratings =
      data::read_ratings(std::string(folder) + "/vader/movieReviewSnippets_GroundTruth.txt");
  std::vector<float> valence;
  double mean = 0;
  for (const auto& r : ratings) {
    valence.push_back(judge(r.text));
    mean += valence.back() / static_cast<double>(ratings.size());
  }
  double pairs = 0, right = 0;
  for (std::size_t i = 0; i < ratings.size(); ++i)
    for (std::size_t j = 0; j < ratings.size(); ++j) {
      if (!(ratings[i].mean - ratings[j].mean > 1.0f)) continue;
      ++pairs;
      right += valence[i] == valence[j] ? 0.5 : valence[i] > valence[j];
    }
  std::printf("mean valence %.4f, agreement %.4f of %.0f pairs\n", mean, right / pairs, pairs);
  // As an independent script computes them.
  EXPECT_NEAR(mean, 0.5153, 1e-4);
  EXPECT_NEAR(right / pairs, 0.68404, 1e-4);
}

}  // namespace
