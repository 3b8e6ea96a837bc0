#include "hone/oracle/exact.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace {

using namespace hone::oracle;
using hone::Token;

float reward(std::span<const Token> answer) {
  float sum = 0;
  for (const Token t : answer) sum = 2 * sum + static_cast<float>(t * t);
  return sum;
}

// Central differences of f by the logits.
Gradient differences(const Policy& pi, const std::function<double(const Policy&)>& f) {
  const double h = 1e-5;
  Gradient g = pi.no_gradient();
  for (Eigen::Index i = 0; i < g.size(); ++i) {
    Gradient up = pi.logits(), down = pi.logits();
    up.data()[i] += h;
    down.data()[i] -= h;
    g.data()[i] = (f(Policy(up)) - f(Policy(down))) / (2 * h);
  }
  return g;
}

const Space space(3, 3, 0);
const Policy pi = Policy::random(space, 1), q = Policy::random(space, 2);

TEST(Space, HoldsEveryAnswerOnce) {
  EXPECT_EQ(space.rows(), 1 + 2 + 4);
  EXPECT_EQ(space.answers().size(), 1u + 2 + 4 * 3);
  EXPECT_EQ(Space(4, 2).answers().size(), 16u);
  EXPECT_EQ(Space(4, 2).rows(), 5);
  double total = 0;
  for (const Answer& a : space.answers()) {
    total += pi.prob(a);
    EXPECT_EQ(a.ended, a.tokens.back() == 0);
  }
  EXPECT_NEAR(total, 1, 1e-15);
}

TEST(Exact, VisitsCountLengths) {
  double rows = 0;
  for (const double v : visits(space, pi)) rows += v;
  const double length = expectation(space, pi, [](const Answer& a) { return a.length(); });
  EXPECT_NEAR(rows, length, 1e-14);
}

TEST(Exact, GradientsAreDifferences) {
  const auto expect = [](const Gradient& found, const Gradient& expected, const char* what) {
    EXPECT_LT((found - expected).norm(), 1e-9) << what << ": norm " << expected.norm();
    EXPECT_GT(expected.norm(), 0.01) << what;
  };
  expect(reward_gradient(space, pi, reward),
         differences(pi, [](const Policy& p) { return expected_reward(space, p, reward); }),
         "reward");
  expect(kl_gradient(space, pi, q),
         differences(pi, [](const Policy& p) { return kl(space, p, q); }), "KL(pi, q)");
  expect(reverse_kl_gradient(space, pi, q),
         differences(pi, [](const Policy& p) { return kl(space, q, p); }), "KL(q, pi)");
  const auto reach = visits(space, pi);
  const auto over_rows = [&](auto&& f) {
    return differences(pi, [&](const Policy& p) {
      double sum = 0;
      for (int r = 0; r < space.rows(); ++r) sum += reach[static_cast<std::size_t>(r)] * f(p, r);
      return sum;
    });
  };
  expect(tokenwise_kl_gradient(space, pi, q, pi),
         over_rows([](const Policy& p, int r) { return p.kl(q, r); }), "token-wise KL(pi, q)");
  expect(tokenwise_reverse_kl_gradient(space, pi, q, pi),
         over_rows([](const Policy& p, int r) { return q.kl(p, r); }), "token-wise KL(q, pi)");
  Gradient entropy = pi.no_gradient();
  for (int r = 0; r < space.rows(); ++r)
    pi.add_entropy_gradient(r, reach[static_cast<std::size_t>(r)], entropy);
  expect(entropy, over_rows([](const Policy& p, int r) { return p.entropy(r); }), "entropy");
}

TEST(Exact, TheDivergenceOfAnswersIsTheSumOverVisitedRows) {
  double sum = 0;
  const auto reach = visits(space, pi);
  for (int r = 0; r < space.rows(); ++r) sum += reach[static_cast<std::size_t>(r)] * pi.kl(q, r);
  EXPECT_NEAR(sum, kl(space, pi, q), 1e-14);
  EXPECT_EQ(kl(space, pi, pi), 0);
}

TEST(Space, RefusesTheImpossible) {
  EXPECT_THROW(Space(0, 2), hone::Error);
  EXPECT_THROW(Space(2, 40), hone::Error);
  EXPECT_THROW(Policy(space, {1, 2}), hone::Error);
}

}  // namespace
