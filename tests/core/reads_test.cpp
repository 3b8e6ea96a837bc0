#include "hone/core/reads.hpp"

#include <gtest/gtest.h>

#include <string>

#include "hone/core/differentiate.hpp"

namespace hone {
namespace {

constexpr auto reinforce = [](const auto& t) { return -t.advantage * t.logprob; };
constexpr auto k_abs = [](const auto& t) { return abs(t.logprob - t.ref_logprob); };

struct DetachedEntropy {
  float coef = 0.5f;
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return -(t.advantage + coef * stop_gradient(t.entropy)) * t.logprob;
  }
};

struct Compared {  // reads a field only to choose by it
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return select(t.rollout_logprob < -5, 0, t.logprob);
  }
};

struct Switched {  // what a formula should not do
  float coef = 0;
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    T loss = -t.logprob;
    if (coef != 0) loss += coef * t.entropy;
    return loss;
  }
};

struct OnlyTheMargin {
  static constexpr Level level = Level::pair;
  template <class T>
  constexpr T operator()(const PairInputs<T>& p) const {
    return p.margin * (p.chosen.logprob - p.rejected.logprob / p.rejected.length);
  }
};

struct NotConstant {
  template <class T>
  T operator()(const TokenInputs<T>& t) const {
    ++calls;
    return t.logprob;
  }
  static inline int calls = 0;
};

TEST(Reads, OfALambda) {
  static_assert(reads<decltype(reinforce)>.advantage && reads<decltype(reinforce)>.logprob);
  static_assert(!reads<decltype(reinforce)>.old_logprob && !reads<decltype(reinforce)>.entropy);
  static_assert(reads<decltype(k_abs)>.ref_logprob && !reads<decltype(k_abs)>.advantage);
  static_assert(slopes<decltype(reinforce)> == 1);
}

TEST(Reads, OfALambdaWithCaptures) {
  const float coef = 2;
  const auto f = [coef](const auto& t) { return coef * t.entropy * t.logprob; };
  using F = std::remove_const_t<decltype(f)>;
  static_assert(reads<F>.entropy && !reads<F>.ref_logprob);
  static_assert(differentiates<F>.entropy && differentiates<F>.logprob && slopes<F> == 2);
  check_reads(f);
}

TEST(Reads, ADetachedFieldIsReadButNotDifferentiated) {
  static_assert(reads<DetachedEntropy>.entropy && !differentiates<DetachedEntropy>.entropy);
  static_assert(slopes<DetachedEntropy> == 1);
}

TEST(Reads, AComparisonIsARead) {
  static_assert(reads<Compared>.rollout_logprob);
  static_assert(slopes<Compared> == 1);
}

TEST(Reads, OfEachSideOfAPair) {
  constexpr auto r = reads<OnlyTheMargin>;
  static_assert(r.margin && r.chosen.logprob && r.rejected.logprob && r.rejected.length);
  static_assert(!r.chosen.length && !r.chosen.ref_logprob);
  static_assert(slopes<OnlyTheMargin> == 2);
}

TEST(Reads, EverythingIfTheFunctorIsNoConstantExpression) {
  static_assert(reads<NotConstant>.ref_logprob && reads<NotConstant>.drift);
  static_assert(differentiates<NotConstant>.full_kl && !differentiates<NotConstant>.advantage);
  const auto r = differentiate(NotConstant{}, TokenInputs<float>{.logprob = -2});
  EXPECT_EQ(r.value, -2.0f);
  EXPECT_EQ(r.slope.logprob, 1.0f);
  EXPECT_EQ(r.slope.entropy, 0.0f);
}

TEST(Reads, AHiddenReadIsFound) {
  static_assert(!reads<Switched>.entropy);
  check_reads(Switched{});
  check_reads(DetachedEntropy{.coef = 0});
  try {
    check_reads(Switched{.coef = 0.1f});
    FAIL() << "a field that only some coefficients read went unnoticed";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("without a branch"), std::string::npos) << e.what();
  }
}

TEST(Reads, ALambdaOfAnotherLevel) {
  constexpr auto contrast = at_level<Level::pair>(
      [](const auto& p) { return -log_sigmoid(p.chosen.logprob - p.rejected.logprob); });
  using F = std::remove_const_t<decltype(contrast)>;
  static_assert(level_of<F> == Level::pair && reads<F>.chosen.logprob);
  PairInputs<double> p;
  p.chosen.logprob = -3;
  p.rejected.logprob = -3;
  EXPECT_NEAR(differentiate(contrast, p).slope.chosen.logprob, -0.5, 1e-12);
}

TEST(Differentiate, AConstantHasNoDerivative) {
  constexpr auto f = [](const auto& t) { return t.advantage + 1; };
  const auto r = differentiate(f, TokenInputs<float>{.advantage = 2});
  EXPECT_EQ(r.value, 3.0f);
  EXPECT_EQ(r.slope.logprob, 0.0f);
  constexpr auto number = [](const auto&) { return 4.0f; };
  EXPECT_EQ(differentiate(number, TokenInputs<float>{}).value, 4.0f);
}

TEST(Differentiate, RunsInConstantExpressions) {
  constexpr auto r = differentiate(reinforce, TokenInputs<double>{.logprob = -2, .advantage = 3});
  static_assert(r.value == 6.0 && r.slope.logprob == -3.0);
}

}  // namespace
}  // namespace hone
