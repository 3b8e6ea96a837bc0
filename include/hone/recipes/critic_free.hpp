// Algorithms without a critic, as values: GRPO and its line, RLOO, REINFORCE++, ReMax, OPO, MaxRL.
//
//   auto algorithm = hone::recipes::grpo();
//   algorithm.kl.coef = 0.001f;
//
// A recipe is an Algorithm with the numbers of its paper. Where a paper penalises the KL in the
// loss, hone weighs the estimator with the ratio, which makes its gradient right; the paper's own
// form is `algorithm.kl.unbiased = false`.
#pragma once

#include <utility>
#include <vector>

#include "hone/advantage/gdpo.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/max_rl.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/reinforce_plus_plus.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/kl/k2.hpp"
#include "hone/loss/cispo.hpp"
#include "hone/loss/dppo.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/policy_gradient.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sapo.hpp"
#include "hone/train/algorithm.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {

// GRPO: standard scores within a group, k3 of 0.04 in the loss, mean over each answer's tokens.
// Shao et al., "DeepSeekMath", 2024.
inline constexpr auto grpo() {
  return Algorithm{.advantage = advantage::GroupRelative{},
                   .kl = kl::InLoss<kl::K3>{.coef = 0.04f},
                   .loss = loss::PpoClip{},
                   .aggregation = loss::SequenceMean{}};
}

// Dr. GRPO: no deviation, one constant divisor instead of each answer's length, no KL. Liu et al.,
// "Understanding R1-Zero-like training", 2025.
inline constexpr auto dr_grpo(float max_length) {
  return Algorithm{.advantage = advantage::GroupRelative{.scale_by_std = false},
                   .loss = loss::PpoClip{},
                   .aggregation = loss::FixedLength{.max_length = max_length}};
}

// DAPO: clip-higher, mean over the batch's tokens, no KL. Yu et al., 2025. Dynamic sampling and
// overlong shaping, its other two parts, belong to rollout and reward.
inline constexpr auto dapo() {
  return Algorithm{.advantage = advantage::GroupRelative{},
                   .loss = loss::PpoClip{.clip_low = 0.2f, .clip_high = 0.28f},
                   .aggregation = loss::TokenMean{}};
}

// GSPO: the ratio of the whole answer, per token, with the paper's narrow clip. Zheng et al., 2025.
inline constexpr auto gspo() {
  return Algorithm{.advantage = advantage::GroupRelative{},
                   .loss = loss::Gspo{.clip = {.clip_low = 3e-4f, .clip_high = 4e-4f}}};
}

// GMPO: geometric mean of clipped token ratios. Zhao et al., 2025.
inline constexpr auto gmpo() {
  return Algorithm{.advantage = advantage::GroupRelative{}, .loss = loss::Gmpo{}};
}

// CISPO: the weight is clipped, every token keeps its gradient. MiniMax-M1, 2025.
inline constexpr auto cispo() {
  return Algorithm{.advantage = advantage::GroupRelative{},
                   .loss = loss::Cispo{.ratio_high = 5.0f},
                   .aggregation = loss::TokenMean{}};
}

// SAPO: the clip is soft. Gao et al., 2025.
inline constexpr auto sapo() {
  return Algorithm{.advantage = advantage::GroupRelative{},
                   .loss = loss::Sapo{.tau_positive = 1.0f, .tau_negative = 1.05f},
                   .aggregation = loss::SequenceMean{}};
}

// DPPO with the total-variation mask. Qi et al., 2026; prime-rl's default policy loss.
inline constexpr auto dppo() {
  return Algorithm{.advantage = advantage::GroupRelative{.scale_by_std = false},
                   .loss = loss::Dppo{.mask_low = 0.2f, .mask_high = 0.2f},
                   .aggregation = loss::TokenMean{}};
}

// RLOO: leave-one-out baseline, k1 of 0.03 in the reward, the answer as one action. Ahmadian et
// al., 2024. The ratio is 1 on the first pass, where the loss is REINFORCE; the clip holds later
// passes.
inline constexpr auto rloo() {
  return Algorithm{.advantage = advantage::LeaveOneOut{},
                   .kl = kl::InReward<kl::K1>{.coef = 0.03f},
                   .loss = loss::Gspo{.length_normalised = false}};
}

// REINFORCE++: returns whitened over the whole batch, k1 of 0.01 in the reward. Hu et al., 2025.
inline constexpr auto reinforce_plus_plus() {
  return Algorithm{.advantage = advantage::ReinforcePlusPlus{},
                   .kl = kl::InReward<kl::K1>{.coef = 0.01f},
                   .loss = loss::PpoClip{},
                   .aggregation = loss::TokenMean{}};
}

// Its variant with several answers per prompt: the group's mean first; k2 in the loss.
inline constexpr auto reinforce_plus_plus_baseline() {
  return Algorithm{.advantage = advantage::reinforce_plus_plus_baseline,
                   .kl = kl::InLoss<kl::K2>{.coef = 0.001f, .unbiased = false},
                   .loss = loss::PpoClip{},
                   .aggregation = loss::TokenMean{}};
}

// ReMax: the greedy answer's score is the baseline. Li et al., 2024. The coefficient of the KL is
// that of hone's PPO.
inline constexpr auto remax() {
  return Algorithm{.advantage = advantage::ReMax{},
                   .kl = kl::InReward<kl::K1>{.coef = 0.05f},
                   .loss = loss::PolicyGradient{},
                   .aggregation = loss::SequenceMean{}};
}

// OPO: exactly on-policy, length-weighted baseline, neither KL nor entropy term. Hao et al., 2025.
inline constexpr auto opo() {
  return Algorithm{.advantage = advantage::Opo{},
                   .loss = loss::PolicyGradient{},
                   .aggregation = loss::TokenMean{}};
}

// MaxRL: towards the likelihood of a correct answer, for rewards 0 and 1. Tajwar et al., 2026.
inline constexpr auto max_rl() {
  return Algorithm{
      .advantage = advantage::MaxRl{}, .loss = loss::PpoClip{}, .aggregation = loss::TokenMean{}};
}

// GDPO: every part of the reward normalised in its group by itself, then summed with `weights` (all
// 1 if empty) and whitened over the batch. For a reward that says its parts, as reward::Sum. Liu et
// al., 2026.
inline auto gdpo(std::vector<float> weights = {}) {
  return Algorithm{.advantage = advantage::Gdpo{.weights = std::move(weights)},
                   .loss = loss::PpoClip{},
                   .aggregation = loss::TokenMean{}};
}

}  // namespace recipes
}  // namespace v0
}  // namespace hone
