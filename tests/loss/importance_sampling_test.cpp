#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/ppo_clip.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

using loss::PpoClip;

double ppo(const TokenInputs<double>& t) {
  const double r = std::exp(t.logprob - t.old_logprob);
  const double clipped = std::min(std::max(r, double(1 - 0.2f)), double(1 + 0.2f));
  return -std::min(r * t.advantage, clipped * t.advantage);
}

TEST(TruncatedImportanceSampling, WeighsATokenByTheLimitedRatio) {
  constexpr loss::TruncatedImportanceSampling f{.loss = PpoClip{}, .low = 0.75f, .high = 1.25f};
  using F = std::remove_const_t<decltype(f)>;
  static_assert(reads<F>.rollout_logprob && !reads<F>.drift);
  check_objective(f, [](const auto& t, const auto&) {
    const double w = std::exp(t.old_logprob - t.rollout_logprob);
    return std::min(std::max(w, 0.75), 1.25) * ppo(t);
  });
}

TEST(TruncatedImportanceSampling, OfAWholeSequence) {
  constexpr loss::TruncatedImportanceSampling f{
      .loss = PpoClip{}, .high = 1.5f, .scope = loss::PerSequence{}};
  using F = std::remove_const_t<decltype(f)>;
  static_assert(reads<F>.drift && !reads<F>.rollout_logprob && !reads<F>.length);
  check_objective(
      f, [](const auto& t, const auto&) { return std::min(std::exp(t.drift), 1.5) * ppo(t); });
}

TEST(TruncatedImportanceSampling, OfASequenceLoss) {
  constexpr loss::TruncatedImportanceSampling f{.loss = loss::Gspo{}, .high = 1.05f};
  using F = std::remove_const_t<decltype(f)>;
  static_assert(level_of<F> == Level::sequence && reads<F>.rollout_logprob);
  check_objective(f, [](const auto& s, const auto&) {
    const double r = std::exp((s.logprob - s.old_logprob) / s.length);
    const double clipped = std::min(std::max(r, double(1 - 0.2f)), double(1 + 0.2f));
    const double w = std::min(std::exp(s.old_logprob - s.rollout_logprob), double(1.05f));
    return -w * std::min(r * s.advantage, clipped * s.advantage);
  });
}

TEST(TruncatedImportanceSampling, OfASequenceLossByTheMeanRatio) {
  constexpr loss::TruncatedImportanceSampling f{
      .loss = loss::Gspo{}, .high = 1.002f, .scope = loss::SequenceMeanRatio{}};
  check_objective(f, [](const auto& s, const auto&) {
    const double r = std::exp((s.logprob - s.old_logprob) / s.length);
    const double clipped = std::min(std::max(r, double(1 - 0.2f)), double(1 + 0.2f));
    const double w =
        std::min(std::exp((s.old_logprob - s.rollout_logprob) / s.length), double(1.002f));
    return -w * std::min(r * s.advantage, clipped * s.advantage);
  });
}

TEST(IcePop, OfAWholeSequenceLoss) {
  constexpr loss::IcePop f{
      .loss = loss::Gspo{}, .low = 0.9375f, .high = 1.0625f, .scope = loss::PerSequence{}};
  check_objective(f, [](const auto& s, const auto&) {
    const double r = std::exp((s.logprob - s.old_logprob) / s.length);
    const double clipped = std::min(std::max(r, double(1 - 0.2f)), double(1 + 0.2f));
    const double w = std::exp(s.old_logprob - s.rollout_logprob);
    return w >= 0.9375 && w <= 1.0625 ? -w * std::min(r * s.advantage, clipped * s.advantage) : 0.0;
  });
}

TEST(MaskedImportanceSampling, WeighsTheTokensOfTheAnswersThatItKeeps) {
  constexpr loss::MaskedImportanceSampling f{.loss = PpoClip{}, .low = 0.9375f, .high = 1.0625f};
  using F = std::remove_const_t<decltype(f)>;
  static_assert(reads<F>.rollout_logprob && reads<F>.drift && reads<F>.length);
  check_objective(f, [](const auto& t, const auto&) {
    const double mean = std::exp(t.drift / t.length);
    const double w = std::exp(t.old_logprob - t.rollout_logprob);
    return mean >= 0.9375 && mean <= 1.0625 ? w * ppo(t) : 0.0;
  });
  check_objective(
      loss::MaskedImportanceSampling{.loss = loss::Gspo{}, .low = 0.998f, .high = 1.002f},
      [](const auto& s, const auto&) {
        const double r = std::exp((s.logprob - s.old_logprob) / s.length);
        const double clipped = std::min(std::max(r, double(1 - 0.2f)), double(1 + 0.2f));
        const double drift = s.old_logprob - s.rollout_logprob, mean = std::exp(drift / s.length);
        return mean >= double(0.998f) && mean <= double(1.002f)
                   ? -std::exp(drift) * std::min(r * s.advantage, clipped * s.advantage)
                   : 0.0;
      });
}

TEST(ImportanceSampling, HandsTheTokenStageOn) {
  using Truncated = loss::TruncatedImportanceSampling<loss::Gmpo>;
  static_assert(has_token_stage<Truncated> && has_token_stage<loss::IcePop<loss::Gmpo>>);
  static_assert(!has_token_stage<loss::TruncatedImportanceSampling<loss::Gspo>>);
  static_assert(token_sum_is_filled<Truncated>);
  TokenInputs<double> t;
  t.logprob = -1, t.old_logprob = -1.25, t.advantage = 1;
  EXPECT_EQ(Truncated{}.token(t), loss::Gmpo{}.token(t));
  EXPECT_EQ(loss::IcePop<loss::Gmpo>{}.token(t), 0.25);
  EXPECT_EQ(loss::MaskedImportanceSampling<loss::Gmpo>{}.token(t), 0.25);
}

TEST(IcePop, ZeroesWhatLiesOutside) {
  check_objective(loss::IcePop{.loss = PpoClip{}, .low = 0.75f, .high = 1.25f},
                  [](const auto& t, const auto&) {
                    const double w = std::exp(t.old_logprob - t.rollout_logprob);
                    return w >= 0.75 && w <= 1.25 ? w * ppo(t) : 0.0;
                  });
  check_objective(
      loss::IcePop{
          .loss = PpoClip{}, .low = 0.9375f, .high = 1.0625f, .scope = loss::SequenceMeanRatio{}},
      [](const auto& t, const auto&) {
        const double w = std::exp(t.drift / t.length);
        return w >= 0.9375 && w <= 1.0625 ? w * ppo(t) : 0.0;
      });
}

TEST(SequenceDrift, SumsOverSampledTokensInOrder) {
  const std::int64_t offsets[] = {0, 3, 3, 5};
  const std::uint8_t mask[] = {1, 0, 1, 1, 1};
  const float old_logprob[] = {-1, NAN, -2, -3, -4};
  const float rollout[] = {-1.5f, 7, -2.25f, -3, -5};
  float drift[5], length[5];
  loss::sequence_drift(offsets, mask, old_logprob, rollout, drift, length);
  for (const int t : {0, 1, 2}) {
    EXPECT_EQ(drift[t], 0.75f);
    EXPECT_EQ(length[t], 2.0f);
  }
  EXPECT_EQ(drift[3], 1.0f);
  EXPECT_EQ(length[4], 2.0f);
}

}  // namespace
}  // namespace hone::test
