// verl's conventions (verl/trainer/ppo/core_algos.py).
//
// Where they differ from hone::recipes:
//   PPO's clipped loss ("vanilla") limits the log-ratio to +-20 and has the dual clip on, c = 3
//   the other losses have no dual clip: GSPO limits log s to 10, above only, and clips at the
//   library's 0.2, not at its paper's range; GMPO limits nothing more; CISPO clips on both sides;
//   DPPO weighs the log-probability by a ratio without gradient, at most 20 (DppoTv)
//   PPO: GAE lambda 1, whitened with ddof 1 and 1e-8 inside the root; value clip 0.5
//   groups of one keep their reward as advantage (grpo, rloo, opo); epsilon 1e-6
//   KL is off; in the loss it is not weighted by the ratio, and its input and output are clamped
//   (20, 10); in the reward it is k1, its coefficient fixed or steered to 0.1 per token
//   weights for another sampler are truncated at 2
// Learning rates, epochs and temperature: compat/options.hpp.
#pragma once

#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/reinforce_plus_plus.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/advantage/whitened.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/kl/k1.hpp"
#include "hone/kl/k2.hpp"
#include "hone/kl/k3.hpp"
#include "hone/kl/straight_through.hpp"
#include "hone/loss/cispo.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/value_clip.hpp"
#include "hone/recipes/compat/dppo_tv.hpp"
#include "hone/train/algorithm.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {
namespace verl {

inline constexpr loss::PpoClip policy_loss{
    .clip_low = 0.2f, .clip_high = 0.2f, .dual_clip = 3.0f, .log_ratio_limit = 20.0f};

// kl_loss_type "low_var_kl", and "low_var_kl+"
inline constexpr kl::K3 low_var_kl{.log_ratio_limit = 20.0f, .limit = 10.0f};
inline constexpr kl::StraightThrough<kl::K3, kl::K2> low_var_kl_plus{.value = low_var_kl,
                                                                     .gradient = {}};

// use_kl_in_reward, with kl_ctrl.type "fixed" and "adaptive".
inline constexpr kl::InReward<kl::K1> kl_in_reward{.coef = 0.001f};
inline constexpr kl::InReward<kl::K1, kl::Adaptive> adaptive_kl_in_reward{
    .coef = {
        .initial = 0.001, .target = 0.1, .horizon = 10000, .limit = 0.2, .per = kl::Per::token}};

// With use_kl_in_reward: .kl = verl::kl_in_reward
inline constexpr auto ppo() {
  return Algorithm{.advantage =
                       advantage::Whitened<advantage::Gae>{
                           .inner = {.lambda = 1.0f}, .ddof = 1, .epsilon = 1e-8f},
                   .loss = policy_loss,
                   .value_loss = loss::ValueClip{.value_clip = 0.5f},
                   .aggregation = loss::TokenMean{}};
}

// adv_estimator "grpo"; with use_kl_loss: .kl = verl::kl_loss
inline constexpr advantage::GroupRelative group_advantage{
    .ddof = 1, .epsilon = 1e-6f, .singleton_keeps_reward = true};
inline constexpr kl::InLoss<kl::K3> kl_loss{
    .estimator = low_var_kl, .coef = 0.001f, .unbiased = false};

inline constexpr auto grpo() {
  return Algorithm{.advantage = group_advantage,
                   .kl = kl_loss,
                   .loss = policy_loss,
                   .aggregation = loss::TokenMean{}};
}

// The other values of adv_estimator.
inline constexpr advantage::LeaveOneOut rloo{.singleton_keeps_reward = true};  // "rloo"
inline constexpr advantage::LeaveOneOut rloo_vectorized{};                     // "rloo_vectorized"
inline constexpr advantage::ReinforcePlusPlus reinforce_plus_plus{.ddof = 1, .epsilon = 1e-8f};
inline constexpr advantage::ReMax remax{};
inline constexpr advantage::Opo opo{.singleton_keeps_reward = true};

// The other values of loss_mode.
inline constexpr loss::Gspo gspo_loss{.clip = {.clip_low = 0.2f, .clip_high = 0.2f},
                                      .log_ratio_max = 10.0f};
inline constexpr loss::Gmpo gmpo_loss{.log_clip_low = 0.4f, .log_clip_high = 0.4f};
inline constexpr loss::Cispo cispo_loss{.ratio_low = 0.8f, .ratio_high = 1.2f};
inline constexpr DppoTv dppo_loss{.mask_low = 0.2f, .mask_high = 0.2f, .ratio_max = 20.0f};

// rollout_is: weights of tokens, truncated above.
template <class Loss>
constexpr auto sampler_correction(Loss loss) {
  return loss::TruncatedImportanceSampling<Loss>{.loss = loss, .low = 0.0f, .high = 2.0f};
}

}  // namespace verl
}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
