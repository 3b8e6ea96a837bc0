#include "hone/report/bootstrap.hpp"

#include <gtest/gtest.h>

namespace {

using namespace hone;
using namespace hone::report;

// A sum of uniform numbers: mean 0, deviation 1.
std::vector<double> normal(std::uint64_t seed, std::size_t count) {
  RandomStream random({.seed = seed});
  std::vector<double> out(count);
  for (double& x : out) {
    x = -6;
    for (int i = 0; i < 12; ++i) x += random.uniform();
  }
  return out;
}

TEST(Bootstrap, AgreesWithTheNormalInterval) {
  const auto samples = normal(1, 400);
  double mean = 0, squares = 0;
  for (const double x : samples) mean += x / 400;
  for (const double x : samples) squares += (x - mean) * (x - mean);
  const double half = 1.96 * std::sqrt(squares / 399 / 400);
  const Interval i = bootstrap_interval(std::span<const double>(samples));
  EXPECT_NEAR(i.mean, mean, 1e-12);
  EXPECT_NEAR(i.low, mean - half, 0.05 * half) << half;
  EXPECT_NEAR(i.high, mean + half, 0.05 * half);
  EXPECT_TRUE(i.excludes(mean + 2 * half));
  EXPECT_FALSE(i.excludes(mean));
}

TEST(Bootstrap, HoldsTheTrueMeanAboutAsOftenAsItSays) {
  int inside = 0;
  for (std::uint64_t trial = 0; trial < 400; ++trial) {
    const auto samples = normal(100 + trial, 60);
    inside +=
        !bootstrap_interval(std::span<const double>(samples), {.resamples = 500, .seed = trial})
             .excludes(0.0);
  }
  EXPECT_NEAR(inside / 400.0, 0.94, 0.04);
}

TEST(Bootstrap, IsDefinedAtTheEdgesAndRepeatable) {
  const std::vector<float> one = {2.5f};
  const Interval i = bootstrap_interval(std::span<const float>(one));
  EXPECT_EQ(i.mean, 2.5);
  EXPECT_EQ(i.low, 2.5);
  EXPECT_EQ(i.high, 2.5);
  const auto samples = normal(3, 30);
  const auto a = bootstrap_interval(std::span<const double>(samples), {.seed = 5});
  const auto b = bootstrap_interval(std::span<const double>(samples), {.seed = 5});
  const auto c = bootstrap_interval(std::span<const double>(samples), {.seed = 6});
  EXPECT_EQ(a.low, b.low);
  EXPECT_NE(a.low, c.low);
  EXPECT_THROW(bootstrap_interval(std::span<const double>()), Error);
  EXPECT_THROW(bootstrap_interval(std::span<const double>(samples), {.confidence = 1.0}), Error);
}

}  // namespace
