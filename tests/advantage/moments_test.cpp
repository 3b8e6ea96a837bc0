#include "hone/advantage/moments.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "hone/core/random.hpp"

namespace {

using hone::advantage::Moments;
using hone::advantage::moments;

Moments of(const std::vector<float>& x) {
  return moments(static_cast<std::int64_t>(x.size()), [&](std::int64_t i) {
    return static_cast<double>(x[static_cast<std::size_t>(i)]);
  });
}

TEST(Moments, AgreeWithLongDouble) {
  hone::RandomStream random({.seed = 1});
  for (const double scale : {1e-30, 1e-3, 1.0, 1e20}) {
    std::vector<float> x(10007);
    for (float& v : x) v = static_cast<float>(scale * (random.uniform() - 0.3));
    x[17] = static_cast<float>(1000 * scale);
    long double sum = 0, squares = 0;
    for (float v : x) sum += v;
    const long double mean = sum / static_cast<long double>(x.size());
    for (float v : x) squares += (v - mean) * (v - mean);
    const Moments m = of(x);
    EXPECT_NEAR(m.mean / static_cast<double>(mean), 1, 1e-12) << scale;
    EXPECT_NEAR(m.squares / static_cast<double>(squares), 1, 1e-9) << scale;
  }
}

TEST(Moments, NoOrderChangesABit) {
  hone::RandomStream random({.seed = 2});
  std::vector<float> x(1000);
  for (float& v : x)
    v = static_cast<float>(
        std::ldexp(random.uniform() - 0.5, static_cast<int>(random.below(40)) - 20));
  const Moments first = of(x);
  double forward = 0, backward = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    forward += x[i];
    backward += x[x.size() - 1 - i];
  }
  EXPECT_NE(forward, backward) << "the numbers are too tame to show anything";
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = x.size(); i > 1; --i) std::swap(x[i - 1], x[random.below(i)]);
    const Moments m = of(x);
    EXPECT_EQ(m.mean, first.mean);
    EXPECT_EQ(m.squares, first.squares);
  }
}

TEST(Moments, EqualNumbersHaveNoDeviation) {
  const Moments m = of(std::vector<float>(12345, 0.1f));
  EXPECT_EQ(m.mean, 0.1f);
  EXPECT_EQ(m.squares, 0);
  EXPECT_EQ(m.deviation(1), 0);
}

TEST(Moments, TooFewNumbers) {
  EXPECT_EQ(of({}).mean, 0);
  EXPECT_EQ(of({}).deviation(0), 0);
  EXPECT_EQ(of({3}).mean, 3);
  EXPECT_EQ(of({3}).deviation(1), 0);
  EXPECT_EQ(of({3, 5}).variance(0), 1);
  EXPECT_EQ(of({3, 5}).variance(1), 2);
  EXPECT_EQ(of({3, 5}).variance(2), 0);
}

TEST(Moments, NotANumberStaysNotANumber) {
  EXPECT_TRUE(std::isnan(of({1, std::nanf(""), 2}).mean));
  EXPECT_TRUE(std::isnan(of({1, INFINITY}).mean));
}

}  // namespace
