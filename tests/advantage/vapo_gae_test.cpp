#include "hone/advantage/vapo_gae.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using hone::advantage::VapoGae;

TEST(VapoGae, LambdaGrowsWithTheLength) {
  for (const int length : {1, 5, 20, 21, 40, 100}) {
    Batch b;
    std::vector<Batch::Token> tokens(static_cast<std::size_t>(length), {0.0f, 0.5f});
    tokens.back().reward = 1;
    b.add(tokens, 0, 1);
    const double lambda = std::max(0.0, 1 - 1 / (0.05 * length));
    const ExactGae exact = exact_gae(b, 1, lambda, 1);
    const Result r = run(VapoGae{.alpha = 0.05f}, b);
    expect_near(r.advantages, exact.advantages, 1e-5, "advantage");
    expect_near(r.returns, exact.targets, 1e-5, "return");
  }
}

TEST(VapoGae, TheFloorHoldsForShortAnswers) {
  Batch b;
  b.add({{0, 0.5f}, {0, 0.25f}, {1, 0.75f}}, 0, 1);
  const ExactGae exact = exact_gae(b, 0.9f, 0.5, 1);
  expect_near(run(VapoGae{.alpha = 0.05f, .gamma = 0.9f, .lambda_floor = 0.5f}, b).advantages,
              exact.advantages, 1e-6, "advantage");
}

TEST(VapoGae, CountsSampledTokensOnly) {
  Batch dense, gaps;
  std::vector<Batch::Token> tokens(30, {0.25f, 0.5f}), with_gaps;
  for (const auto& t : tokens) {
    with_gaps.push_back(t);
    with_gaps.push_back({0, 0, false});
  }
  dense.add(tokens, 0, 1);
  gaps.add(with_gaps, 0, 1);
  const Result a = run(VapoGae{}, dense), b = run(VapoGae{}, gaps);
  for (std::size_t t = 0; t < tokens.size(); ++t)
    EXPECT_EQ(a.advantages[t], b.advantages[2 * t]) << t;
}

}  // namespace
