#include "hone/core/math_double.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "hone/core/random.hpp"

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

double ulps(double got, long double exact) {
  int e = 0;
  std::frexp(static_cast<double>(exact), &e);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) /
                             std::ldexp(1.0L, std::max(e - 53, -1074)));
}

struct Function {
  const char* name;
  double (*ours)(double);
  long double (*exact)(long double);
  double low, high;
  double bound;
};

// log1p(exp(-|x|)) as in the functions themselves: e^-x alone would lose everything for large x.
long double exact_log_sigmoid(long double x) {
  return std::min(x, 0.0L) - std::log1p(std::exp(-std::fabs(x)));
}

const Function functions[] = {
    {"exp", hone::exp<double>, [](long double x) { return std::exp(x); }, -745, 709.7, 1.0},
    {"expm1", hone::expm1<double>, [](long double x) { return std::expm1(x); }, -45, 709.7, 2.5},
    {"log", hone::log<double>, [](long double x) { return std::log(x); }, 0, 1e300, 1.0},
    {"log1p", hone::log1p<double>, [](long double x) { return std::log1p(x); }, -1, 1e300, 1.0},
    {"tanh", hone::tanh<double>, [](long double x) { return std::tanh(x); }, -30, 30, 2.5},
    {"sigmoid", hone::sigmoid<double>, [](long double x) { return 1.0L / (1.0L + std::exp(-x)); },
     -700, 700, 2.5},
    {"log_sigmoid", hone::log_sigmoid<double>, exact_log_sigmoid, -700, 700, 2.5},
    {"softplus", hone::softplus<double>, [](long double x) { return -exact_log_sigmoid(-x); }, -700,
     700, 2.5},
};

TEST(MathDouble, WithinTheBoundEverywhere) {
  const int draws = std::getenv("HONE_TEST_QUICK") ? 20'000 : 400'000;
  for (const Function& f : functions) {
    double worst = 0, at = 0;
    const auto check = [&](double x) {
      if (!(x > f.low && x < f.high)) return;
      const long double exact = f.exact(static_cast<long double>(x));
      const double error = ulps(f.ours(x), exact);
      if (error > worst) worst = error, at = x;
    };
    for (int i = 0; i < draws; ++i) {
      const std::uint64_t bits = hone::mix(7, static_cast<std::uint64_t>(i));
      check(std::bit_cast<double>(bits));  // of every size
      const double unit = static_cast<double>(bits >> 11) * 0x1p-53;
      check((unit - 0.5) * 2);
      check((unit - 0.5) * 100);
      check((unit - 0.5) * 1500);
      check(1 + (unit - 0.5) * 1e-3);
      check((unit - 0.5) * 1e-6);
    }
    std::printf("%-12s %.3f ulp at %.17g\n", f.name, worst, at);
    EXPECT_LE(worst, f.bound) << f.name << " at " << at;
  }
}

TEST(MathDouble, Edges) {
  EXPECT_EQ(hone::exp(0.0), 1.0);
  EXPECT_EQ(hone::exp(inf), inf);
  EXPECT_EQ(hone::exp(-inf), 0.0);
  EXPECT_EQ(hone::exp(800.0), inf);
  EXPECT_EQ(hone::exp(-800.0), 0.0);
  EXPECT_GT(hone::exp(-744.0), 0.0);
  EXPECT_EQ(hone::expm1(0.0), 0.0);
  EXPECT_EQ(hone::expm1(inf), inf);
  EXPECT_EQ(hone::expm1(-inf), -1.0);
  EXPECT_EQ(hone::expm1(1e-300), 1e-300);
  EXPECT_EQ(hone::log(1.0), 0.0);
  EXPECT_EQ(hone::log(0.0), -inf);
  EXPECT_EQ(hone::log(inf), inf);
  EXPECT_TRUE(std::isnan(hone::log(-1.0)));
  EXPECT_NEAR(hone::log(5e-324), std::log(5e-324), 1e-12);
  EXPECT_EQ(hone::log1p(-1.0), -inf);
  EXPECT_EQ(hone::log1p(inf), inf);
  EXPECT_TRUE(std::isnan(hone::log1p(-2.0)));
  EXPECT_EQ(hone::log1p(1e-300), 1e-300);
  EXPECT_EQ(hone::tanh(inf), 1.0);
  EXPECT_EQ(hone::tanh(-50.0), -1.0);
  EXPECT_EQ(hone::sigmoid(0.0), 0.5);
  EXPECT_EQ(hone::sigmoid(-inf), 0.0);
  EXPECT_NEAR(hone::sigmoid(-40.0), 4.248354255291589e-18, 1e-32);
  EXPECT_EQ(hone::log_sigmoid(-800.0), -800.0);
  EXPECT_EQ(hone::softplus(800.0), 800.0);
  for (const Function& f : functions) EXPECT_TRUE(std::isnan(f.ours(nan_value))) << f.name;
}

TEST(MathDouble, FingerprintIsThatOfEveryBuild) {
  std::uint64_t fingerprint = 0;
  for (const Function& f : functions)
    for (std::uint64_t i = 0; i < 4000; ++i) {
      const double x =
          (static_cast<double>(hone::mix(3, i) >> 11) * 0x1p-53 - 0.5) * (i % 2 ? 4 : 80);
      fingerprint = hone::mix(fingerprint, std::bit_cast<std::uint64_t>(f.ours(x)));
    }
  std::printf("fingerprint: %016llx\n", static_cast<unsigned long long>(fingerprint));
  EXPECT_EQ(fingerprint, 0x6437c0bba325e845u);
}

TEST(MathDouble, SineAndCosineOfDoubles) {
  double worst = 0;
  std::uint64_t fingerprint = 0;
  const auto check = [&](double x) {
    const double s = hone::sin(x), c = hone::cos(x);
    const double error =
        static_cast<double>(std::max(std::fabs(s - std::sin(static_cast<long double>(x))),
                                     std::fabs(c - std::cos(static_cast<long double>(x)))));
    worst = std::max(worst, error);
    fingerprint = hone::mix(fingerprint, std::bit_cast<std::uint64_t>(s));
    fingerprint = hone::mix(fingerprint, std::bit_cast<std::uint64_t>(c));
  };
  for (int i = -200000; i <= 200000; ++i) check(i * 0x1p-13);
  for (int i = 0; i < 200000; ++i) check(i * 5.0);
  for (std::uint64_t i = 0; i < 400000; ++i)
    check(static_cast<double>(static_cast<std::int64_t>(hone::mix(i)) >> 12) * 0x1p-22);
  std::printf("sin, cos: largest error %.3g; %016llx\n", worst,
              static_cast<unsigned long long>(fingerprint));
  EXPECT_LE(worst, 0x1p-52);
  EXPECT_EQ(fingerprint, 0x21b0b04a2f71593bu);  // of every build
  EXPECT_EQ(hone::sin(0.0), 0.0);
  EXPECT_EQ(hone::cos(0.0), 1.0);
  EXPECT_TRUE(std::isnan(hone::sin(std::numeric_limits<double>::infinity())));
}

}  // namespace
