#include "hone/loss/positions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "hone/loss/bradley_terry.hpp"

namespace hone {
namespace {

using loss::ScorePair;

// A prompt of two tokens in rows 0 and 1; the answers' rows follow.
struct Answers {
  std::vector<Token> chosen, rejected;
  std::vector<std::int64_t> chosen_rows, rejected_rows;

  Answers(std::vector<Token> c, std::vector<Token> r) {
    std::int64_t row = 2;
    const auto fill = [&](std::vector<Token>& tokens, std::vector<std::int64_t>& rows,
                          const std::vector<Token>& answer) {
      tokens = {7, 8};
      rows = {0, 1};
      for (const Token t : answer) {
        tokens.push_back(t);
        rows.push_back(row++);
      }
    };
    fill(chosen, chosen_rows, c);
    fill(rejected, rejected_rows, r);
  }
  template <class Positions>
  std::vector<ScorePair> compare(const Positions& p) const {
    std::vector<ScorePair> out;
    p({chosen, chosen_rows}, {rejected, rejected_rows}, 0.5f, 1.0f, out);
    return out;
  }
};

void expect_rows(const std::vector<ScorePair>& pairs,
                 const std::vector<std::pair<std::int64_t, std::int64_t>>& rows) {
  ASSERT_EQ(pairs.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(pairs[i].chosen, rows[i].first) << i;
    EXPECT_EQ(pairs[i].rejected, rows[i].second) << i;
    EXPECT_EQ(pairs[i].weight, 1.0f / static_cast<float>(rows.size()));
    EXPECT_EQ(pairs[i].margin, 0.5f);
  }
}

TEST(Positions, EndScores) {
  expect_rows(Answers({1, 2, 3}, {4}).compare(loss::EndScores{}), {{4, 5}});
}

TEST(Positions, FromDivergenceToTheEnd) {
  // Rows 2 3 4 and 5 6 7; the first token of the answers is the same.
  expect_rows(Answers({1, 2, 3}, {1, 5, 3}).compare(loss::FromDivergence{}), {{3, 6}, {4, 7}});
}

TEST(Positions, TheShorterAnswersLastScoreIsHeld) {
  expect_rows(Answers({1, 2}, {5, 6, 7, 8}).compare(loss::FromDivergence{}),
              {{2, 4}, {3, 5}, {3, 6}, {3, 7}});
}

TEST(Positions, AnAnswerThatContinuesTheOther) {
  expect_rows(Answers({1, 2}, {1, 2, 3}).compare(loss::FromDivergence{}), {{3, 6}});
}

TEST(Positions, EqualAnswersAreComparedAtTheirLastPosition) {
  expect_rows(Answers({1, 2}, {1, 2}).compare(loss::FromDivergence{}), {{3, 5}});
}

TEST(Positions, AnEmptyAnswerIsScoredAtThePromptsEnd) {
  expect_rows(Answers({}, {1}).compare(loss::EndScores{}), {{1, 2}});
  expect_rows(Answers({}, {}).compare(loss::FromDivergence{}), {{1, 1}});
}

TEST(EvaluateScores, IsTheMeanOverPositions) {
  const std::vector<float> scores{0.5f, -1, 2, 0.25f, 1, -0.5f};
  const auto pairs = Answers({1, 2}, {5, 6}).compare(loss::FromDivergence{});
  std::vector<float> slope(6);
  const auto f = loss::BradleyTerry{.centring = 0.25f};
  const double total = loss::evaluate_scores(f, scores, pairs, slope).value();
  const auto one = [](double c, double r) {
    return std::log1p(std::exp(-(c - r - 0.5))) + 0.25 * (c + r) * (c + r);
  };
  EXPECT_NEAR(total, 0.5 * (one(2, 1) + one(0.25, -0.5)), 1e-6);
  EXPECT_EQ(slope[0], 0.0f);
  for (std::size_t i = 2; i < 6; ++i) {
    auto moved = scores;
    const float h = 1.0f / 128;
    moved[i] = scores[i] + h;
    const double up = loss::evaluate_scores(f, moved, pairs, {}).value();
    moved[i] = scores[i] - h;
    const double down = loss::evaluate_scores(f, moved, pairs, {}).value();
    EXPECT_NEAR(slope[i], (up - down) / (2 * h), 1e-4) << i;
  }
}

TEST(EvaluateScores, AHeldScoreCollectsTheGradientOfItsPositions) {
  const std::vector<float> scores(8, 0.0f);
  const auto pairs = Answers({1, 2}, {5, 6, 7, 8}).compare(loss::FromDivergence{});
  std::vector<float> slope(8);
  loss::evaluate_scores(loss::BradleyTerry{}, scores, pairs, slope);
  const float each = slope[2];  // one position of four
  EXPECT_LT(each, 0.0f);
  EXPECT_FLOAT_EQ(slope[3], 3 * each);
  EXPECT_EQ(slope[4], -each);
}

}  // namespace
}  // namespace hone
