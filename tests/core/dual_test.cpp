#include "hone/core/dual.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

namespace hone {
namespace {

using D1 = dual<double, 1>;
using D2 = dual<double, 2>;

constexpr float inf = std::numeric_limits<float>::infinity();

D1 variable(double x) { return D1::variable(x, 0); }

// Value and derivative of f at x against those of the standard library and central differences.
void check(const std::function<D1(D1)>& f, const std::function<double(double)>& reference,
           double low, double high) {
  std::mt19937 engine(1);
  std::uniform_real_distribution<double> draw(low, high);
  for (int i = 0; i < 1000; ++i) {
    const double x = draw(engine), h = 1e-6 * (1 + std::fabs(x));
    const D1 y = f(variable(x));
    const double slope = (reference(x + h) - reference(x - h)) / (2 * h);
    ASSERT_NEAR(y.value, reference(x), 1e-13 * (1 + std::fabs(y.value))) << "at " << x;
    ASSERT_NEAR(y.slope[0], slope, 1e-7 * (1 + std::fabs(slope))) << "at " << x;
  }
}

TEST(Dual, ElementaryFunctions) {
  check([](D1 x) { return exp(x); }, [](double x) { return std::exp(x); }, -5, 5);
  check([](D1 x) { return expm1(x); }, [](double x) { return std::expm1(x); }, -3, 3);
  check([](D1 x) { return expm1_minus_x(x); }, [](double x) { return std::expm1(x) - x; }, -3, 3);
  check([](D1 x) { return log(x); }, [](double x) { return std::log(x); }, 0.1, 5);
  check([](D1 x) { return log1p(x); }, [](double x) { return std::log1p(x); }, -0.9, 5);
  check([](D1 x) { return sqrt(x); }, [](double x) { return std::sqrt(x); }, 0.1, 5);
  check([](D1 x) { return tanh(x); }, [](double x) { return std::tanh(x); }, -3, 3);
  check([](D1 x) { return abs(x); }, [](double x) { return std::fabs(x); }, -3, 3);
  check([](D1 x) { return -x; }, [](double x) { return -x; }, -3, 3);
  check([](D1 x) { return sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); }, -5, 5);
  check([](D1 x) { return log_sigmoid(x); }, [](double x) { return -std::log1p(std::exp(-x)); }, -5,
        5);
  check([](D1 x) { return softplus(x); }, [](double x) { return std::log1p(std::exp(x)); }, -5, 5);
}

TEST(Dual, ArithmeticWithConstantsOnEitherSide) {
  check([](D1 x) { return (x + 1) * (2 - x) / (x * x + 3); },
        [](double x) { return (x + 1) * (2 - x) / (x * x + 3); }, -3, 3);
  check([](D1 x) { return 1 / x - x / 4.0f + 0.5f * x; },
        [](double x) { return 1 / x - x / 4 + 0.5 * x; }, 0.5, 3);
  const dual<double, 0> c = 2.5;
  check([&](D1 x) { return c / x + x / c - c * x + x * c + (x - c) + (c - x); },
        [](double x) { return 2.5 / x + x / 2.5; }, 0.5, 3);
  check(
      [](D1 x) {
        D1 y = 1;
        y += x;
        y *= x;
        y -= 2;
        y /= x;
        return y;
      },
      [](double x) { return ((1 + x) * x - 2) / x; }, 0.5, 3);
}

TEST(Dual, FusedMultiplyAdd) {
  check([](D1 x) { return fma(x, x + 1, 2.0f) + fma(dual<double, 0>(3.0), x, x); },
        [](double x) { return x * (x + 1) + 2 + 4 * x; }, -3, 3);
  const dual<float, 0> a = 1 + 0x1p-12f;
  EXPECT_EQ(fma(a, a, -1.0f).value, 0x1p-11f + 0x1p-24f);
}

TEST(Dual, TwoDerivatives) {
  const D2 x = D2::variable(3.0, 0), y = D2::variable(4.0, 1);
  const D2 f = x * x * y + x / y;
  EXPECT_DOUBLE_EQ(f.value, 36.75);
  EXPECT_DOUBLE_EQ(f.slope[0], 24.25);
  EXPECT_DOUBLE_EQ(f.slope[1], 9 - 3.0 / 16);
}

TEST(Dual, CornersAreThoseOfPyTorch) {
  EXPECT_EQ(abs(variable(0)).slope[0], 0.0);

  const D1 x = variable(2);
  const D1 tie = min(x * 3, 8 - x);  // both 6, slopes 3 and -1
  EXPECT_EQ(tie.value, 6.0);
  EXPECT_EQ(tie.slope[0], 1.0);
  EXPECT_EQ(max(x, 2).slope[0], 0.5);
  EXPECT_EQ(max(x, 1).slope[0], 1.0);
  EXPECT_EQ(max(x, 3).slope[0], 0.0);

  EXPECT_EQ(clamp(x, 2, 5).slope[0], 1.0);
  EXPECT_EQ(clamp(x, -1, 2).slope[0], 1.0);
  EXPECT_EQ(clamp(x, 3, 5).slope[0], 0.0);
  EXPECT_EQ(clamp(x, 3, 5).value, 3.0);
  EXPECT_EQ(clamp(x, -1, 1).slope[0], 0.0);
  EXPECT_EQ(clamp(x, -inf, inf).slope[0], 1.0);
}

TEST(Dual, TheArgumentThatIsNotChosenLeavesNoTrace) {
  const D1 x = variable(0);
  const D1 bad = log(x) * 0 + 1 / x;  // NaN, with NaN for a derivative
  const D1 y = select(x > 1, bad, x + 3);
  EXPECT_EQ(y.value, 3.0);
  EXPECT_EQ(y.slope[0], 1.0);
  const D1 z = clamp(1 / x, -1, 1);
  EXPECT_EQ(z.value, 1.0);
  EXPECT_EQ(z.slope[0], 0.0);
}

TEST(Dual, NotANumberIsNeverSwallowed) {
  const D1 nan = variable(NAN), one = variable(1);
  EXPECT_TRUE(std::isnan(min(nan, one).value));
  EXPECT_TRUE(std::isnan(min(one, nan).value));
  EXPECT_TRUE(std::isnan(max(nan, one).value));
  EXPECT_TRUE(std::isnan(max(one, nan).value));
  EXPECT_TRUE(std::isnan(clamp(nan, 0, 1).value));
  EXPECT_TRUE(std::isnan(abs(nan).value));
}

TEST(Dual, StopGradientKeepsTheValueOnly) {
  const D1 x = variable(3);
  static_assert(std::is_same_v<decltype(stop_gradient(x)), dual<double, 0>>);
  const D1 y = stop_gradient(exp(x)) * x;
  EXPECT_DOUBLE_EQ(y.value, 3 * std::exp(3.0));
  EXPECT_DOUBLE_EQ(y.slope[0], std::exp(3.0));
  EXPECT_EQ(stop_gradient(2.0f), 2.0f);
}

TEST(Dual, ConditionsCombine) {
  const D1 x = variable(3);
  const auto inside = (x > 1) & (x < 5);
  EXPECT_EQ(select(inside, x, 0).value, 3.0);
  EXPECT_EQ(select(!inside, x, 0).slope[0], 0.0);
  EXPECT_EQ(select((x >= 4) | (x != 3), x, 7).value, 7.0);
  EXPECT_EQ(select(x == 3 && x <= 3, 1.0f, 2.0f), 1.0f);
  EXPECT_EQ(select(select(x > 0, x > 2, x > 9), x, 0).value, 3.0);
}

// One formula with everything in it, for the comparison of lanes with single floats.
template <class T>
T everything(const T& x, const constant_t<T>& c) {
  const T ratio = exp(x - c);
  const T bounded = min(ratio * c, clamp(ratio, 0.8f, 1.2f) * c) + max(x, c) + abs(x - c);
  const T smooth = log_sigmoid(x) + softplus(c * x) + tanh(x) / (1 + sigmoid(x));
  return select(x > c, bounded, smooth) + log1p(exp(x)) * sqrt(1 + x * x) - expm1(c) +
         log(2 + c * c) - stop_gradient(ratio) * x;
}

TEST(Dual, ALaneOfAPackIsTheFloatBitForBit) {
  std::mt19937 engine(5);
  std::normal_distribution<float> draw;
  for (int round = 0; round < 500; ++round) {
    float x[16], c[16];
    for (int l = 0; l < 16; ++l) {
      x[l] = 2 * draw(engine);
      c[l] = round % 7 == 0 && l == 3 ? x[l] : draw(engine);
    }
    const auto many =
        everything(dual<pack, 1>::variable(pack::load(x), 0), dual<pack, 0>(pack::load(c)));
    for (int l = 0; l < 16; ++l) {
      const auto one = everything(dual<float, 1>::variable(x[l], 0), dual<float, 0>(c[l]));
      ASSERT_EQ(many.value[l], one.value) << "x " << x[l] << " c " << c[l];
      ASSERT_EQ(many.slope[0][l], one.slope[0]) << "x " << x[l] << " c " << c[l];
      const auto exact = everything(dual<double, 1>::variable(x[l], 0), dual<double, 0>(c[l]));
      ASSERT_NEAR(one.value, exact.value, 2e-5 * (1 + std::fabs(exact.value)));
      ASSERT_NEAR(one.slope[0], exact.slope[0], 1e-4 * (1 + std::fabs(exact.slope[0])));
    }
  }
}

TEST(Dual, RunsInConstantExpressions) {
  constexpr auto f = [](auto x) { return x * x * 3 + 2 / x; };
  constexpr auto y = f(dual<double, 1>::variable(2.0, 0));
  static_assert(y.value == 13.0 && y.slope[0] == 11.5);
}

}  // namespace
}  // namespace hone
