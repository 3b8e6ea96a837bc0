#include "hone/loss/ppo_clip.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

double ppo(const TokenInputs<double>& t, double low, double high) {
  const double r = std::exp(t.logprob - t.old_logprob);
  const double clipped = std::min(std::max(r, 1 - low), 1 + high);
  return -std::min(r * t.advantage, clipped * t.advantage);
}

TEST(PpoClip, ReadsWhatItNeeds) {
  constexpr auto r = reads<loss::PpoClip>;
  static_assert(r.logprob && r.old_logprob && r.advantage);
  static_assert(!r.ref_logprob && !r.rollout_logprob && !r.entropy && !r.full_kl && !r.drift);
  static_assert(slopes<loss::PpoClip> == 1);
}

TEST(PpoClip, IsTheFormula) {
  const float low = 0.2f, high = 0.28f;
  check_objective(loss::PpoClip{.clip_high = high}, [&](const auto& t, const auto&) {
    return ppo(t, static_cast<double>(1) - static_cast<double>(1 - low),
               static_cast<double>(1 + high) - 1);
  });
}

TEST(PpoClip, DualClipBoundsTheLossOfBadTokens) {
  check_objective(loss::PpoClip{.dual_clip = 1.25f}, [](const auto& t, const auto&) {
    const double r = std::exp(t.logprob - t.old_logprob), a = t.advantage;
    const double clipped = std::min(std::max(r, double(1 - 0.2f)), double(1 + 0.2f));
    const double one = std::max(-a * r, -a * clipped);
    return a < 0 ? std::min(one, -1.25 * a) : one;
  });
}

TEST(PpoClip, RatioCapActsInTheFreeBranch) {
  check_objective(loss::PpoClip{.ratio_cap = 1.5f}, [](const auto& t, const auto&) {
    const double r = std::exp(t.logprob - t.old_logprob), a = t.advantage;
    const double clipped = std::min(std::max(r, double(1 - 0.2f)), double(1 + 0.2f));
    return std::max(-a * std::min(r, 1.5), -a * clipped);
  });
}

TEST(PpoClip, LogRatioLimit) {
  check_objective(loss::PpoClip{.clip_low = 0.9f, .clip_high = 9.0f, .log_ratio_limit = 0.25f},
                  [](const auto& t, const auto&) {
                    auto u = t;
                    u.logprob =
                        u.old_logprob + std::min(std::max(t.logprob - t.old_logprob, -0.25), 0.25);
                    return ppo(u, 0.9, 9.0);
                  });
}

TEST(PpoClip, FirstPassIsMinusTheAdvantageExactly) {
  Draw random(7);
  for (int i = 0; i < 1000; ++i) {
    TokenInputs<float> t;
    t.logprob = t.old_logprob = static_cast<float>(-5 * std::fabs(random.normal()));
    t.advantage = static_cast<float>(random.normal());
    const auto r = differentiate(loss::PpoClip{}, t);
    ASSERT_EQ(r.value, -t.advantage);
    ASSERT_EQ(r.slope.logprob, -t.advantage);
  }
}

TEST(PpoClip, GradientAtTheBoundsIsThatOfPyTorch) {
  // r = 1.25 = 1 + high exactly: clamp's derivative is 1 at its bounds, so both branches agree.
  const loss::PpoClip f{.clip_low = 0.5f, .clip_high = 0.25f};
  struct Exact : loss::PpoClip {};
  using D = dual<float, 1>;
  TokenInputs<D> t;
  const D ratio = D::variable(1.25f, 0);
  const D clipped = clamp(ratio, 0.5f, 1 + f.clip_high);
  EXPECT_EQ(clipped.slope[0], 1.0f);
  const D smaller = min(ratio * 2.0f, clipped * 2.0f);
  EXPECT_EQ(smaller.slope[0], 2.0f);
  const D outside =
      min(D::variable(1.5f, 0) * 2.0f, clamp(D::variable(1.5f, 0), 0.5f, 1.25f) * 2.0f);
  EXPECT_EQ(outside.slope[0], 0.0f);
}

TEST(PpoClip, AnOverflowingRatioIsNotSwallowed) {
  const loss::PpoClip f;
  const auto good =
      differentiate(f, TokenInputs<float>{.logprob = 0, .old_logprob = -1000, .advantage = 1});
  EXPECT_EQ(good.value, -1.2f);
  EXPECT_EQ(good.slope.logprob, 0.0f);
  const auto bad =
      differentiate(f, TokenInputs<float>{.logprob = NAN, .old_logprob = -1, .advantage = 1});
  EXPECT_TRUE(std::isnan(bad.value)) << bad.value;
}

}  // namespace
}  // namespace hone::test
