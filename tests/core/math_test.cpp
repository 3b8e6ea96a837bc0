#include "hone/core/math.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "hone/core/random.hpp"

namespace {

using hone::pack;

constexpr float inf = std::numeric_limits<float>::infinity();
const float nan_value = std::numeric_limits<float>::quiet_NaN();

bool same(float a, float b) { return hone::to_bits(a) == hone::to_bits(b) || (a != a && b != b); }

// |got - exact| in units of the last place of a float of exact's size.
double ulps(float got, long double exact) {
  int e;
  std::frexp(static_cast<double>(exact), &e);
  const int exponent = std::max(e - 24, -149);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) /
                             std::ldexp(1.0L, exponent));
}

struct Function {
  const char* name;
  float (*scalar)(float);
  pack (*packed)(pack);
  long double (*exact)(long double);
  float low, high;  // where the ulp bound holds
  bool flushes;     // a denormal result is 0
  double bound;
};

long double exact_sigmoid(long double x) { return 1.0L / (1.0L + std::exp(-x)); }
long double exact_softplus(long double x) {
  return (x > 0 ? x : 0.0L) + std::log1p(std::exp(-std::fabs(x)));
}
long double exact_log_sigmoid(long double x) { return -exact_softplus(-x); }

const std::vector<Function> functions = {
    {"exp", hone::exp<float>, hone::exp<pack>, [](long double x) { return std::exp(x); },
     -87.33654f, 88.72283f, true, 1.6},
    {"expm1", hone::expm1<float>, hone::expm1<pack>, [](long double x) { return std::expm1(x); },
     -200.0f, 88.72283f, false, 1.6},
    {"log", hone::log<float>, hone::log<pack>, [](long double x) { return std::log(x); }, 1e-45f,
     3.4e38f, false, 1.6},
    {"log1p", hone::log1p<float>, hone::log1p<pack>, [](long double x) { return std::log1p(x); },
     -0.99999994f, 3.4e38f, false, 1.6},
    {"tanh", hone::tanh<float>, hone::tanh<pack>, [](long double x) { return std::tanh(x); },
     -3e38f, 3e38f, false, 1.6},
    {"sigmoid", hone::sigmoid<float>, hone::sigmoid<pack>, exact_sigmoid, -87.33654f, 3e38f, true,
     1.6},
    {"softplus", hone::softplus<float>, hone::softplus<pack>, exact_softplus, -87.33654f, 3e38f,
     true, 1.6},
    {"log_sigmoid", hone::log_sigmoid<float>, hone::log_sigmoid<pack>, exact_log_sigmoid, -3e38f,
     87.33654f, true, 1.6},
    {"erf", hone::erf<float>, hone::erf<pack>, [](long double x) { return std::erf(x); }, -3e38f,
     3e38f, false, 1.6},
};

// Calls f(16 floats) over every float in steps of `step` patterns, and densely near 0 and 1.
template <class F>
void for_all_floats(std::uint32_t step, const F& f) {
  float x[16];
  int filled = 0;
  const auto add = [&](float v) {
    x[filled++] = v;
    if (filled == 16) {
      f(x);
      filled = 0;
    }
  };
  for (std::uint64_t bits = 0; bits < (1ull << 32); bits += step)
    add(hone::from_bits(static_cast<std::uint32_t>(bits)));
  for (int i = -40000; i <= 40000; ++i) {
    add(static_cast<float>(i) * 0.0025f);
    add(hone::from_bits(0x3f800000u + static_cast<std::uint32_t>(i)));
    add(hone::from_bits(0xbf800000u + static_cast<std::uint32_t>(i)));
  }
}

TEST(Math, WithinTheBoundEverywhere) {
  for (const auto& f : functions) {
    double worst = 0;
    float at = 0;
    long count = 0;
    for_all_floats(4001, [&](const float* x) {
      for (int l = 0; l < 16; ++l) {
        if (!(x[l] >= f.low && x[l] <= f.high)) continue;
        const long double exact = f.exact(x[l]);
        const float y = f.scalar(x[l]);
        if (f.flushes && std::fabs(exact) < std::numeric_limits<float>::min() * 1.00001L) {
          ASSERT_TRUE(y == 0.0f || std::fabs(y) >= std::numeric_limits<float>::min()) << f.name;
          continue;
        }
        const double error = ulps(y, exact);
        ++count;
        if (!(error <= worst)) worst = error, at = x[l];
      }
    });
    std::printf("%-12s %.3f ulp at %.9g (%ld values)\n", f.name, worst, at, count);
    EXPECT_LE(worst, f.bound) << f.name << " at " << at;
  }
}

TEST(Math, ALaneEqualsTheScalarBitForBit) {
  std::uint64_t fingerprint = 0;
  for (const auto& f : functions) {
    for_all_floats(40009, [&](const float* x) {
      float y[16];
      f.packed(pack::load(x)).store(y);
      for (int l = 0; l < 16; ++l) {
        ASSERT_TRUE(same(y[l], f.scalar(x[l]))) << f.name << "(" << x[l] << "): " << y[l];
        fingerprint = hone::mix(fingerprint, y[l] == y[l] ? hone::to_bits(y[l]) : 1u);
      }
    });
  }
  std::printf("%s: %016llx\n", hone::simd_name, static_cast<unsigned long long>(fingerprint));
  EXPECT_EQ(fingerprint, 0x338ed4b12d623eb7u);  // of every build
}

TEST(Math, Edges) {
  using namespace hone;
  const float denormal = 1e-40f, tiny = std::numeric_limits<float>::min();
  for (const auto& f : functions) {
    EXPECT_TRUE(std::isnan(f.scalar(nan_value))) << f.name;
    EXPECT_TRUE(std::isnan(f.scalar(from_bits(0x7f800001u)))) << f.name;
    EXPECT_TRUE(std::isnan(f.scalar(from_bits(0xffc12345u)))) << f.name;
  }
  EXPECT_EQ(exp(0.0f), 1.0f);
  EXPECT_EQ(exp(-0.0f), 1.0f);
  EXPECT_EQ(exp(inf), inf);
  EXPECT_EQ(exp(-inf), 0.0f);
  EXPECT_EQ(exp(89.0f), inf);
  EXPECT_EQ(exp(-88.0f), 0.0f);  // 6e-39 is denormal
  EXPECT_EQ(exp(1e30f), inf);
  EXPECT_EQ(exp(-1e30f), 0.0f);
  EXPECT_EQ(exp(denormal), 1.0f);
  EXPECT_LT(exp(88.72283f), inf);
  EXPECT_EQ(expm1(inf), inf);
  EXPECT_EQ(expm1(-inf), -1.0f);
  EXPECT_TRUE(same(expm1(-0.0f), -0.0f));
  EXPECT_EQ(expm1(denormal), denormal);
  EXPECT_EQ(log(1.0f), 0.0f);
  EXPECT_EQ(log(0.0f), -inf);
  EXPECT_EQ(log(-0.0f), -inf);
  EXPECT_EQ(log(inf), inf);
  EXPECT_TRUE(std::isnan(log(-1.0f)));
  EXPECT_TRUE(std::isnan(log(-inf)));
  EXPECT_NEAR(log(1e-45f), -103.27893, 1e-4);
  EXPECT_EQ(log1p(-1.0f), -inf);
  EXPECT_TRUE(std::isnan(log1p(-1.5f)));
  EXPECT_EQ(log1p(inf), inf);
  EXPECT_TRUE(same(log1p(-0.0f), -0.0f));
  EXPECT_EQ(log1p(denormal), denormal);
  EXPECT_EQ(tanh(inf), 1.0f);
  EXPECT_EQ(tanh(-inf), -1.0f);
  EXPECT_TRUE(same(tanh(-0.0f), -0.0f));
  EXPECT_EQ(sigmoid(inf), 1.0f);
  EXPECT_EQ(sigmoid(-inf), 0.0f);
  EXPECT_EQ(sigmoid(0.0f), 0.5f);
  EXPECT_EQ(sigmoid(-88.0f), 0.0f);
  EXPECT_GE(sigmoid(-87.33f), tiny);
  EXPECT_EQ(softplus(inf), inf);
  EXPECT_EQ(softplus(-inf), 0.0f);
  EXPECT_EQ(log_sigmoid(-inf), -inf);
  EXPECT_EQ(log_sigmoid(inf), 0.0f);
  EXPECT_EQ(erf(inf), 1.0f);
  EXPECT_EQ(erf(-inf), -1.0f);
  EXPECT_TRUE(same(erf(-0.0f), -0.0f));
}

TEST(Math, ProductsOfScalarsAreNotFused) {
  float one = 1.0f + 0x1p-12f, minus = -(1.0f + 0x1p-11f);
  asm("" : "+m"(one), "+m"(minus));
  EXPECT_EQ(hone::product(one, one) + minus, 0.0f);
  EXPECT_EQ(hone::fma(one, one, minus), 0x1p-24f);
  double two = 1.0 + 0x1p-27, less = -(1.0 + 0x1p-26);
  asm("" : "+m"(two), "+m"(less));
  EXPECT_EQ(hone::product(two, two) + less, 0.0);
}

TEST(Math, ScalarsHaveTheNamesOfPacks) {
  EXPECT_EQ(hone::min(2.0f, 1.0f), 1.0f);
  EXPECT_EQ(hone::max(2.0, 1), 2.0);
  EXPECT_EQ(hone::clamp(5.0f, 0, 1), 1.0f);
  EXPECT_TRUE(std::isnan(hone::clamp(nan_value, 0.0f, 1.0f)));
  EXPECT_EQ(hone::select(true, 1.0f, 2.0f), 1.0f);
  EXPECT_EQ(hone::abs(-2.0f), 2.0f);
  EXPECT_EQ(hone::sqrt(4.0), 2.0);
  EXPECT_EQ(hone::copysign(3.0f, -0.0f), -3.0f);
}

}  // namespace
