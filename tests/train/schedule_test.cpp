#include "hone/train/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace {

using namespace hone;
using train::Decay;
using train::Schedule;

// The rates at t = 0, w - 1, w, the middle, T - 1, T and after, w = 4 steps of warm-up, T = 12.
std::vector<float> rates(const Schedule& s) {
  std::vector<float> out;
  for (const std::int64_t t : {0, 3, 4, 8, 11, 12, 20}) out.push_back(s(t));
  return out;
}

void expect_near(const std::vector<float>& found, const std::vector<float>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-6f) << i;
}

TEST(Schedule, WarmUpThenTheShape) {
  // Warm-up: (t + 1) / (w + 1), so that no step has the rate 0 and step w is the first at the peak.
  expect_near(rates({.peak = 2.0f, .decay = Decay::constant, .warmup = 4}),
              {0.4f, 1.6f, 2, 2, 2, 2, 2});
  expect_near(rates({.peak = 2.0f, .decay = Decay::linear, .warmup = 4, .total = 12}),
              {0.4f, 1.6f, 2, 1, 0.25f, 0, 0});
  const float last = 1 + static_cast<float>(std::cos(3.14159265358979 * 7 / 8));
  expect_near(rates({.peak = 2.0f, .decay = Decay::cosine, .warmup = 4, .total = 12}),
              {0.4f, 1.6f, 2, 1, last, 0, 0});
}

TEST(Schedule, EndsAtTheFinalRatio) {
  expect_near(
      rates({.peak = 2.0f, .decay = Decay::linear, .warmup = 4, .total = 12, .final_ratio = 0.5f}),
      {0.4f, 1.6f, 2, 1.5f, 1.125f, 1, 1});
  const float last = 1.5f + 0.5f * static_cast<float>(std::cos(3.14159265358979 * 7 / 8));
  expect_near(
      rates({.peak = 2.0f, .decay = Decay::cosine, .warmup = 4, .total = 12, .final_ratio = 0.5f}),
      {0.4f, 1.6f, 2, 1.5f, last, 1, 1});
}

TEST(Schedule, WithoutWarmUpBeginsAtThePeakAndNeedsAnEnd) {
  EXPECT_EQ((Schedule{.peak = 2.0f, .decay = Decay::linear, .total = 4}(0)), 2.0f);
  EXPECT_EQ((Schedule{.peak = 2.0f, .decay = Decay::cosine, .total = 4}(0)), 2.0f);
  EXPECT_THROW((Schedule{.decay = Decay::cosine}(0)), Error);
}

}  // namespace
