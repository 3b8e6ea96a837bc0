#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "../support/goldens.hpp"
#include "hone/reward/length.hpp"
#include "hone/reward/repetition.hpp"
#include "hone/reward/tags.hpp"

namespace {

using namespace hone;
using namespace hone::reward;

Completion with_tokens(std::size_t count) { return {.tokens = std::vector<Token>(count, 1)}; }

TEST(Overlong, FallsInALineNearTheLimit) {
  const Overlong dapo{.max_tokens = 100, .buffer = 20, .factor = 1.0f};
  EXPECT_EQ(dapo(with_tokens(80)), 0.0f);
  EXPECT_EQ(dapo(with_tokens(85)), -0.25f);
  EXPECT_EQ(dapo(with_tokens(90)), -0.5f);
  EXPECT_EQ(dapo(with_tokens(100)), -1.0f);
  EXPECT_EQ(dapo(with_tokens(130)), -1.0f);
  const Overlong verl{.max_tokens = 100, .buffer = 20, .factor = 2.0f, .capped = false};
  EXPECT_EQ(verl(with_tokens(130)), -5.0f);
  EXPECT_EQ(dapo(with_tokens(0)), 0.0f);
  EXPECT_THROW((Overlong{.max_tokens = 10, .buffer = 0}(with_tokens(1))), Error);
  EXPECT_THROW((Overlong{.max_tokens = 10, .buffer = 11}(with_tokens(1))), Error);
  EXPECT_EQ(PerToken{.coef = 0.5f}(with_tokens(3)), -1.5f);
}

TEST(CosineLength, StandsAtItsEnds) {
  const auto right = [](const Completion&) { return 1.0f; };
  const auto wrong = [](const Completion&) { return 0.0f; };
  const CosineLength a{.correct = right, .max_tokens = 100};
  const CosineLength b{.correct = wrong, .max_tokens = 100};
  EXPECT_EQ(a(with_tokens(0)), 1.0f);
  EXPECT_EQ(a(with_tokens(50)), 0.75f);
  EXPECT_EQ(a(with_tokens(100)), 0.5f);
  EXPECT_EQ(a(with_tokens(500)), 0.5f);
  EXPECT_EQ(b(with_tokens(0)), -1.0f);
  EXPECT_EQ(b(with_tokens(500)), -0.5f);
}

TEST(Repetition, CountsDistinctGrams) {
  const Repetition pairs{.n = 2};
  EXPECT_EQ(pairs(Completion{.tokens = {5, 5, 5, 5, 5}}), -0.75f);
  EXPECT_EQ(pairs(Completion{.tokens = {1, 2, 3, 4}}), 0.0f);
  EXPECT_EQ(pairs(Completion{.tokens = {1}}), 0.0f);
  EXPECT_EQ(pairs(Completion{}), 0.0f);
  EXPECT_THROW(Repetition{.n = 0}(Completion{}), Error);
}

TEST(Rewards, AgreeWithTrl) {
  HONE_GOLDENS(folder, "rewards.py");
  std::ifstream in(folder / "rewards.jsonl");
  std::map<std::string, int> compared;
  std::string line;
  while (std::getline(in, line)) {
    const auto json = nlohmann::json::parse(line);
    Completion c{.text = json.value("text", ""),
                 .tokens = json.value("tokens", std::vector<Token>())};
    const std::string name = json["name"];
    float score = 0;
    if (name == "overlong") {
      score = Overlong{.max_tokens = json["max_tokens"], .buffer = json["buffer"]}(c);
    } else if (name == "repetition") {
      score = Repetition{.n = json["n"], .penalty = json["penalty"]}(c);
    } else if (name == "cosine") {
      const bool right = json["right"];
      const auto correct = [right](const Completion&) { return right ? 1.0f : 0.0f; };
      score = CosineLength{.correct = correct, .max_tokens = json["max_tokens"]}(c);
    } else if (name == "think") {
      // TRL lets a second </think> pass, and no white space before the first tag.
      const std::string close = "</think>";
      const std::size_t first = c.text.find(close);
      if (first != std::string::npos && c.text.find(close, first + 1) != std::string::npos)
        continue;
      if (c.text.starts_with(' ') || c.text.starts_with('\n')) continue;
      score = Tags{.names = {"think"}, .free_end = true}(c);
    }
    ASSERT_NEAR(score, json["score"].get<float>(), 1e-6) << line;
    ++compared[name];
  }
  EXPECT_EQ(compared["overlong"], 300);
  EXPECT_EQ(compared["repetition"], 300);
  EXPECT_EQ(compared["cosine"], 300);
  EXPECT_GT(compared["think"], 400);
}

}  // namespace
