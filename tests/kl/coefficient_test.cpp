#include "hone/kl/coefficient.hpp"

#include <gtest/gtest.h>

namespace hone {
namespace {

TEST(Coefficient, ANumberIsFixed) {
  const float coef = 0.04f;
  const auto state = kl::start(coef);
  EXPECT_EQ(kl::coefficient(coef, state), 0.04f);
  EXPECT_EQ(kl::coefficient(coef, kl::next(coef, state, {.per_sequence = 100})), 0.04f);
  EXPECT_EQ(kl::coefficient(0.5, kl::Fixed{}), 0.5f);
}

TEST(Coefficient, AdaptiveMovesTowardsTheTarget) {
  const kl::Adaptive c{.initial = 0.2, .target = 6, .horizon = 1000};
  const auto s = kl::start(c);
  // 20 % above: within the limit; twice the target: limited to 20 %.
  EXPECT_DOUBLE_EQ(c.next(s, {.per_sequence = 6.6, .sequences = 64}).coef, 0.2 * (1 + 0.1 * 0.064));
  EXPECT_DOUBLE_EQ(c.next(s, {.per_sequence = 12, .sequences = 64}).coef, 0.2 * (1 + 0.2 * 0.064));
  EXPECT_DOUBLE_EQ(c.next(s, {.per_sequence = 0, .sequences = 64}).coef, 0.2 * (1 - 0.2 * 0.064));
  EXPECT_DOUBLE_EQ(c.next(s, {.per_sequence = 6, .sequences = 64}).coef, 0.2);
}

TEST(Coefficient, AdaptivePerToken) {
  const kl::Adaptive c{.initial = 1, .target = 0.1, .horizon = 100, .per = kl::Per::token};
  const auto s = c.next(c.start(), {.per_sequence = 50, .per_token = 0.11, .sequences = 10});
  EXPECT_NEAR(s.coef, 1.01, 1e-12);
}

TEST(Coefficient, Doubling) {
  const kl::Doubling c{.initial = 1, .target = 0.01};
  EXPECT_EQ(c.next(c.start(), {.per_token = 0.016}).coef, 2.0);
  EXPECT_EQ(c.next(c.start(), {.per_token = 0.006}).coef, 0.5);
  EXPECT_EQ(c.next(c.start(), {.per_token = 0.012}).coef, 1.0);
}

TEST(Coefficient, TheStateIsAValueToSave) {
  static_assert(std::is_trivially_copyable_v<kl::coefficient_state<kl::Adaptive>>);
  static_assert(std::is_same_v<kl::coefficient_state<float>, kl::Fixed>);
}

}  // namespace
}  // namespace hone
