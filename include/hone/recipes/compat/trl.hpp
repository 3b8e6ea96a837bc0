// TRL's conventions (release 1.16; PPO as in 1.12, the last that had it).
//
// Where they differ from hone::recipes:
//   ppo      the score one position past the end of an answer (ScoreAfterEnd); advantages whitened
//            with ddof 1 and 1e-8 inside the root; k1 of 0.05; value loss times 0.1
//   grpo     epsilon 1e-4 beside the deviation; no KL by default, with one the ratio is applied;
//            the mean over all tokens of the batch ("dapo")
//   rloo     the ratio of the whole answer, clipped
//   dpo...   label smoothing is RobustDpo's; IPO averages over tokens; SimPO's beta 0.1, gamma 0.5
// Its weights for another sampler (vLLM): sampler_correction. Learning rates, epochs and
// temperature: compat/options.hpp.
#pragma once

#include <utility>
#include <vector>

#include "hone/advantage/gdpo.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/whitened.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/loss/cispo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/ipo.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sapo.hpp"
#include "hone/loss/simpo.hpp"
#include "hone/loss/value_clip.hpp"
#include "hone/recipes/compat/score_after_end.hpp"
#include "hone/train/algorithm.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {
namespace trl {

// PPOConfig. There one optimiser moves actor and critic, and vf_coef weighs their gradients in its
// norm; hone's critic has an optimiser of its own.
inline constexpr auto ppo() {
  return Algorithm{.advantage =
                       advantage::Whitened<ScoreAfterEnd>{
                           .inner = {.lambda = 0.95f}, .ddof = 1, .epsilon = 1e-8f},
                   .kl = kl::InReward<kl::K1>{.coef = 0.05f},
                   .loss = loss::PpoClip{},
                   .value_loss = loss::ValueClip{.value_clip = 0.2f, .coef = 0.1f},
                   .aggregation = loss::TokenMean{}};
}

// scale_rewards = "group"
inline constexpr advantage::GroupRelative group_advantage{.ddof = 1, .epsilon = 1e-4f};

// multi_objective_aggregation = "normalize_then_sum", with reward_weights.
inline auto normalised_parts(std::vector<float> weights = {}) {
  return advantage::Gdpo{
      .weights = std::move(weights), .ddof = 1, .epsilon = 1e-4f, .whitening_epsilon = 1e-4f};
}

// GRPOConfig with its defaults: loss_type "dapo", beta 0.
inline constexpr auto grpo() {
  return Algorithm{.advantage = group_advantage,
                   .loss = loss::PpoClip{.clip_low = 0.2f, .clip_high = 0.2f},
                   .aggregation = loss::TokenMean{}};
}
// With beta, and use_bias_correction_kl as it is by default.
inline constexpr auto grpo(float beta) {
  return Algorithm{.advantage = group_advantage,
                   .kl = kl::InLoss<kl::K3>{.coef = beta, .unbiased = true},
                   .loss = loss::PpoClip{.clip_low = 0.2f, .clip_high = 0.2f},
                   .aggregation = loss::TokenMean{}};
}

// Its other loss types: the policy loss and the aggregation that belong to them.
inline constexpr loss::SequenceMean grpo_aggregation{.count_empty = true};       // "grpo", "sapo"
inline constexpr loss::FixedLength luspo_aggregation{.max_length = 1.0f};        // "luspo"
inline constexpr loss::Cispo cispo_loss{.ratio_low = 0.0f, .ratio_high = 0.2f};  // as it defaults;
                                                                                 // 5.0 is meant
inline constexpr loss::Sapo sapo_loss{.tau_positive = 1.0f, .tau_negative = 1.05f};
inline constexpr loss::Gspo gspo_loss{};  // importance_sampling_level = "sequence"

// vllm_importance_sampling_mode = "sequence_mask": answers whose weight is above 3 are dropped.
template <class Loss>
constexpr auto sampler_correction(Loss loss) {
  return loss::IcePop<Loss, loss::PerSequence>{.loss = loss, .low = 0.0f, .high = 3.0f};
}

// RLOOConfig: beta 0.05.
inline constexpr auto rloo() {
  return Algorithm{.advantage = advantage::LeaveOneOut{},
                   .kl = kl::InReward<kl::K1>{.coef = 0.05f},
                   .loss = loss::Gspo{.length_normalised = false}};
}
// normalize_advantages = True
inline constexpr advantage::Whitened<advantage::LeaveOneOut> normalised_rloo{
    .epsilon = 0.0f, .deviation_epsilon = 1e-4f, .unit = advantage::Unit::answer};

inline constexpr auto ipo() { return loss::Ipo{.beta = 0.1f, .token_mean = true}; }
inline constexpr auto simpo() { return loss::SimPo{.beta = 0.1f, .gamma = 0.5f}; }

}  // namespace trl
}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
