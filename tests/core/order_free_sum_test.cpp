#include "hone/core/order_free_sum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace hone {
namespace {

std::vector<float> draw(std::size_t n, float scale) {
  std::mt19937 engine(11);
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (float& v : x) v = scale * normal(engine) * std::exp(3 * normal(engine));
  return x;
}

template <class Sum>
void check_any_order(float scale) {
  std::vector<float> x = draw(100'003, scale);
  Sum whole;
  whole.add(x.data(), static_cast<std::int64_t>(x.size()));

  long double exact = 0;
  for (const float v : x) exact += v;
  EXPECT_NEAR(whole.value(), static_cast<double>(exact), 1e-11 * (1 + scale * 1e5));

  std::mt19937 engine(2);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(x.begin(), x.end(), engine);
    Sum total;
    for (std::size_t i = 0; i < x.size();) {
      const std::size_t n = std::min<std::size_t>(x.size() - i, 1 + engine() % 5000);
      Sum part;
      if (round % 2)
        part.add(x.data() + i, static_cast<std::int64_t>(n));
      else
        for (std::size_t k = 0; k < n; ++k) part.add(x[i + k]);
      total.add(part);
      i += n;
    }
    EXPECT_EQ(total.value(), whole.value()) << "scale " << scale << ", round " << round;
  }
}

TEST(OrderFreeSum, AnyOrderAndAnySplitGiveTheSameBits) {
  check_any_order<OrderFreeSum<>>(1e-9f);  // as integers
  check_any_order<OrderFreeSum<>>(1e-6f);
  check_any_order<OrderFreeSum<>>(1e-3f);
  check_any_order<OrderFreeSum<-16>>(1.0f);
}

TEST(OrderFreeSum, KeepsSmallTermsBesideLargeOnes) {
  OrderFreeSum<> s;
  s.add(1.0);
  for (int i = 0; i < 1000; ++i) s.add(1e-13);
  s.add(-1.0);
  EXPECT_NEAR(s.value(), 1e-10, 1e-15);
}

TEST(OrderFreeSum, NotANumberStays) {
  OrderFreeSum<> s;
  s.add(1.0);
  s.add(NAN);
  EXPECT_TRUE(std::isnan(s.value()));
  EXPECT_EQ(OrderFreeSum<>{}.value(), 0.0);
}

}  // namespace
}  // namespace hone
