// Sampling against sets and probabilities worked out by hand.
#include "hone/rollout/sampling.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace hone;
using rollout::Sampling;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float inf = std::numeric_limits<float>::infinity();

// Probabilities 0.4, 0.3, 0.1, 0.1, 0.06, 0.04 of the ids 5, 1, 2, 4, 0, 3.
const std::vector<double> probabilities{0.06, 0.3, 0.1, 0.04, 0.1, 0.4};

std::vector<float> logits() {
  std::vector<float> z;
  for (const double p : probabilities) z.push_back(static_cast<float>(std::log(p)) + 3.0f);
  return z;
}

// How often each id comes in n draws; the log-probability of each is that before truncation.
std::map<Token, int> draws(const Sampling& s, int n) {
  std::map<Token, int> out;
  double weight = 0;
  std::vector<double> scaled;
  for (const double p : probabilities) {
    scaled.push_back(std::pow(p, s.temperature > 0.0f ? 1.0 / s.temperature : 1.0));
    weight += scaled.back();
  }
  for (int i = 0; i < n; ++i) {
    auto row = logits();
    const auto drawn =
        rollout::sample(s, row, {.seed = 3, .position = static_cast<std::uint32_t>(i)});
    EXPECT_NEAR(drawn.logprob, std::log(scaled[static_cast<std::size_t>(drawn.token)] / weight),
                1e-5);
    ++out[drawn.token];
  }
  return out;
}

std::vector<Token> kept(const Sampling& s) {
  std::vector<Token> out;
  for (const auto& [token, count] : draws(s, 3000)) out.push_back(token);
  return out;
}

TEST(Sampling, KeepsWhatTopKTopPAndMinPSay) {
  EXPECT_EQ(kept({}), (std::vector<Token>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(kept({.top_k = 1}), (std::vector<Token>{5}));
  EXPECT_EQ(kept({.top_k = 3}), (std::vector<Token>{1, 2, 5})) << "the smaller id of two equals";
  EXPECT_EQ(kept({.top_k = 60}), (std::vector<Token>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(kept({.top_p = 0.3f}), (std::vector<Token>{5})) << "the first one reaches the mass";
  EXPECT_EQ(kept({.top_p = 0.65f}), (std::vector<Token>{1, 5}));
  EXPECT_EQ(kept({.top_p = 0.75f}), (std::vector<Token>{1, 2, 5}));
  EXPECT_EQ(kept({.top_p = 0.95f}), (std::vector<Token>{0, 1, 2, 4, 5}));
  EXPECT_EQ(kept({.min_p = 0.2f}), (std::vector<Token>{1, 2, 4, 5})) << "0.2 of 0.4 is 0.08";
  EXPECT_EQ(kept({.min_p = 0.5f}), (std::vector<Token>{1, 5}));
  // The mass is that of what top-k and min-p have left: 0.4 of 0.7 is above 0.55.
  EXPECT_EQ(kept({.top_k = 2, .top_p = 0.55f}), (std::vector<Token>{5}));
  EXPECT_EQ(kept({.top_p = 0.55f, .min_p = 0.5f}), (std::vector<Token>{5}));
}

// Chi squared with 5 degrees of freedom exceeds 30 once in 10^5.
void expect_frequencies(const Sampling& s, const std::vector<double>& expected) {
  constexpr int n = 60'000;
  auto counts = draws(s, n);
  double chi = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double want = n * expected[i], got = counts[static_cast<Token>(i)];
    if (want > 0)
      chi += (got - want) * (got - want) / want;
    else
      EXPECT_EQ(got, 0) << "id " << i;
  }
  EXPECT_LT(chi, 30);
}

TEST(Sampling, DrawsByTheProbabilities) {
  expect_frequencies({}, probabilities);
  expect_frequencies({.top_k = 2}, {0, 3.0 / 7, 0, 0, 0, 4.0 / 7});
  std::vector<double> squared;
  double total = 0;
  for (const double p : probabilities) total += p * p;
  for (const double p : probabilities) squared.push_back(p * p / total);
  expect_frequencies({.temperature = 0.5f}, squared);
}

TEST(Sampling, DrawsEvenlyFromAVocabularyThatNoPackDivides) {
  constexpr int vocab = 37, n = 74'000;
  std::vector<int> counts(vocab);
  for (int i = 0; i < n; ++i) {
    std::vector<float> row(vocab, -2.5f);
    ++counts[static_cast<std::size_t>(
        rollout::sample({}, row, {.seed = 1, .position = static_cast<std::uint32_t>(i)}).token)];
  }
  double chi = 0;
  for (const int c : counts)
    chi += (c - n / vocab) * (c - n / vocab) / static_cast<double>(n / vocab);
  EXPECT_LT(chi, 90) << "36 degrees of freedom";
}

TEST(Sampling, GreedyTakesTheSmallestIdAmongEquals) {
  std::vector<float> z(40, -1.0f);
  z[19] = z[33] = 2.0f;
  const auto drawn = rollout::sample({.temperature = 0.0f}, z, {});
  EXPECT_EQ(drawn.token, 19);
  EXPECT_NEAR(drawn.logprob, 2.0 - std::log(2 * std::exp(2.0) + 38 * std::exp(-1.0)), 1e-5);
}

TEST(Sampling, NeverDrawsWhatHasNoProbability) {
  for (std::uint32_t i = 0; i < 2000; ++i) {
    std::vector<float> z(20, -inf);
    z[3] = 0.0f;
    z[17] = 1.0f;
    const Token t = rollout::sample({}, z, {.position = i}).token;
    ASSERT_TRUE(t == 3 || t == 17) << t;
  }
}

TEST(Sampling, RefusesRowsWithoutAFiniteLargestLogit) {
  for (const float bad : {inf, nan, -inf}) {
    std::vector<float> z(20, bad);
    EXPECT_THROW(rollout::sample({}, z, {}), Error) << bad;
  }
}

std::string error_of(const Sampling& s, std::vector<float> z) {
  try {
    rollout::sample(s, z, {.seed = 1});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// Wherever it stands and however one draws: a model that has run away is not sampled from.
TEST(Sampling, RefusesRowsWithALogitThatIsNoNumber) {
  std::vector<float> fine(37);
  for (std::size_t i = 0; i < fine.size(); ++i) fine[i] = 0.1f * static_cast<float>(i % 11);
  for (const Sampling& s :
       {Sampling{}, Sampling{.temperature = 0.0f}, Sampling{.temperature = 0.7f},
        Sampling{.top_k = 3}, Sampling{.top_p = 0.5f}, Sampling{.min_p = 0.2f}})
    for (const std::size_t at : {0u, 15u, 16u, 31u, 32u, 36u}) {
      std::vector<float> z = fine;
      z[at] = -inf;  // impossible, not broken
      EXPECT_EQ(error_of(s, z), "") << at;
      z[at] = nan;
      EXPECT_EQ(error_of(s, z), "sample: a logit is nan, expected a finite number") << at;
      z[at] = inf;
      EXPECT_EQ(error_of(s, z), "sample: the largest logit is inf, expected a finite number") << at;
    }
}

TEST(Sampling, RefusesSettingsOutOfRange) {
  for (const Sampling& s :
       {Sampling{.temperature = -1.0f}, Sampling{.temperature = nan}, Sampling{.top_k = -1},
        Sampling{.top_p = 0.0f}, Sampling{.top_p = 1.5f}, Sampling{.top_p = nan},
        Sampling{.min_p = -0.1f}, Sampling{.min_p = 1.1f}})
    EXPECT_THROW(rollout::check(s), Error);
}

}  // namespace
