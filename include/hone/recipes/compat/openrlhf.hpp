// OpenRLHF's conventions (openrlhf/models/loss.py, openrlhf/trainer/ppo_utils).
//
// Where they differ from hone::recipes:
//   every policy loss limits the log-ratio to +-20, without the dual clip
//   KL k1 of 0.01 in the reward, limited to +-10
//   PPO: GAE lambda 1 with V = 0 and a decaying lambda in gaps (GaeThroughGaps); value clip 0.5
//   whitening over all experience with ddof 0, the variance at least 1e-8
//   where answers are compared, the baseline is that of the scores alone, without the KL
//   (BaselineBeforeKl), and what it leaves is limited to +-10; of these reinforce_baseline alone is
//   whitened, and group_norm divides by std + 1e-9
//   IPO sums over tokens; weights for another sampler lie in [0.5, 5] (sampler_correction), or
//   those of answers with a mean inside are left as they are (masked_sampler_correction)
// Learning rates, epochs and temperature: compat/options.hpp.
#pragma once

#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/reinforce_plus_plus.hpp"
#include "hone/advantage/whitened.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/kl/k3.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/ipo.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/value_clip.hpp"
#include "hone/recipes/compat/baseline_before_kl.hpp"
#include "hone/recipes/compat/gae_through_gaps.hpp"
#include "hone/train/algorithm.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {
namespace openrlhf {

// OnlineOptions::score_clip where answers are not compared (ppo, reinforce_plus_plus).
inline constexpr float score_clip = 10.0f;
inline constexpr float ema_decay = 0.992f;

inline constexpr loss::PpoClip policy_loss{
    .clip_low = 0.2f, .clip_high = 0.2f, .log_ratio_limit = 20.0f};
inline constexpr kl::InReward<kl::K1> kl_in_reward{.estimator = {.limit = 10.0f}, .coef = 0.01f};
inline constexpr kl::K3 k3{.limit = 10.0f};

// What it does to the advantages of gae, reinforce and reinforce_baseline, unless no_std_norm.
template <class Inner>
constexpr advantage::Whitened<Inner> normalised(const Inner& inner) {
  return {.inner = inner, .ddof = 0, .epsilon = 0.0f, .variance_floor = 1e-8f};
}

// How it compares the answers of a group.
template <class Inner>
constexpr BaselineBeforeKl<Inner> scores_first(const Inner& inner) {
  return {.inner = inner, .score_limit = score_clip};
}

inline constexpr auto ppo() {
  return Algorithm{.advantage = normalised(GaeThroughGaps{.gamma = 1.0f, .lambda = 1.0f}),
                   .kl = kl_in_reward,
                   .loss = policy_loss,
                   .value_loss = loss::ValueClip{.value_clip = 0.5f},
                   .aggregation = loss::TokenMean{}};
}

inline constexpr auto reinforce_plus_plus() {
  return Algorithm{.advantage = normalised(advantage::MonteCarlo{}),
                   .kl = kl_in_reward,
                   .loss = policy_loss,
                   .aggregation = loss::TokenMean{}};
}

// advantage_estimator "reinforce_baseline"
inline constexpr auto reinforce_baseline() {
  return Algorithm{
      .advantage = normalised(scores_first(advantage::GroupRelative{.scale_by_std = false})),
      .kl = kl_in_reward,
      .loss = policy_loss,
      .aggregation = loss::TokenMean{}};
}

inline constexpr auto rloo() {
  return Algorithm{.advantage = scores_first(advantage::LeaveOneOut{}),
                   .kl = kl_in_reward,
                   .loss = policy_loss,
                   .aggregation = loss::TokenMean{}};
}

inline constexpr auto group_norm() {
  return Algorithm{.advantage = scores_first(advantage::GroupRelative{.ddof = 1, .epsilon = 1e-9f}),
                   .kl = kl::InLoss<kl::K3>{.estimator = k3, .coef = 0.01f, .unbiased = false},
                   .loss = policy_loss,
                   .aggregation = loss::TokenMean{}};
}

inline constexpr auto dr_grpo() {
  return Algorithm{.advantage = scores_first(advantage::GroupRelative{.scale_by_std = false}),
                   .kl = kl::InLoss<kl::K3>{.estimator = k3, .coef = 0.01f, .unbiased = false},
                   .loss = policy_loss,
                   .aggregation = loss::TokenMean{}};
}

// vllm_is_correction_type "tis"; "icepop" is loss::IcePop<Loss> with its own defaults.
template <class Loss>
constexpr auto sampler_correction(Loss loss) {
  return loss::TruncatedImportanceSampling<Loss>{.loss = loss, .low = 0.5f, .high = 5.0f};
}
// "seq-mask-tis"
template <class Loss>
constexpr auto masked_sampler_correction(Loss loss) {
  return loss::MaskedImportanceSampling<Loss>{.loss = loss, .low = 0.5f, .high = 5.0f};
}

inline constexpr auto ipo() { return loss::Ipo{.beta = 0.1f, .token_mean = false}; }

}  // namespace openrlhf
}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
