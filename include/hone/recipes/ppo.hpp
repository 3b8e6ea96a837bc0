// PPO with a critic, and its relatives, as values.
//
//   auto algorithm = hone::recipes::ppo();
//   algorithm.loss.clip_high = 0.28f;
//   algorithm.advantage.inner.lambda = 1.0f;
//
// A recipe is an Algorithm with the numbers of its source; what the source leaves open has hone's
// default. Learning rates, epochs and group sizes belong to the trainer: docs/papers.md.
#pragma once

#include "hone/advantage/gae.hpp"
#include "hone/advantage/vapo_gae.hpp"
#include "hone/advantage/whitened.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/ppo_penalty.hpp"
#include "hone/loss/value_clip.hpp"
#include "hone/loss/value_mse.hpp"
#include "hone/train/algorithm.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {

// RLHF's PPO: clipped ratio and values, GAE with lambda 0.95, whitened, k1 penalty of 0.05 in the
// reward. Schulman et al., "Proximal policy optimization algorithms", 2017; Ouyang et al.
// (InstructGPT), 2022, whose KL coefficient is 0.02: 0.05 is TRL's.
inline constexpr auto ppo() {
  return Algorithm{.advantage = advantage::Whitened<advantage::Gae>{.inner = {.lambda = 0.95f}},
                   .kl = kl::InReward<kl::K1>{.coef = 0.05f},
                   .loss = loss::PpoClip{.clip_low = 0.2f, .clip_high = 0.2f},
                   .value_loss = loss::ValueClip{.value_clip = 0.2f}};
}

// The same with the coefficient steered to a KL of 6 nats per answer. Ziegler et al., "Fine-tuning
// language models from human preferences", 2019.
inline constexpr auto ppo_adaptive() {
  return Algorithm{.advantage = advantage::Whitened<advantage::Gae>{.inner = {.lambda = 0.95f}},
                   .kl = kl::InReward<kl::K1, kl::Adaptive>{.coef = {.initial = 0.05, .target = 6}},
                   .loss = loss::PpoClip{},
                   .value_loss = loss::ValueClip{}};
}

// PPO's penalty form: no clip, a Lagrangian penalty on the step whose coefficient doubles and
// halves. Schulman et al., 2017, section 4.
inline constexpr auto ppo_penalty() {
  return Algorithm{.advantage = advantage::Whitened<advantage::Gae>{.inner = {.lambda = 0.95f}},
                   .kl = kl::InReward<kl::K1>{.coef = 0.05f},
                   .loss = loss::PpoPenalty<kl::Doubling>{.coef = {.target = 0.01}},
                   .value_loss = loss::ValueMse{}};
}

// VAPO: length-adaptive and decoupled GAE, clip-higher, token mean, no KL. Yue et al., 2025. The
// paper adds an NLL term on correct answers and pretrains the critic.
inline constexpr auto vapo() {
  return Algorithm{.advantage = advantage::VapoGae{.alpha = 0.05f},
                   .loss = loss::PpoClip{.clip_low = 0.2f, .clip_high = 0.28f},
                   .value_loss = loss::ValueMse{},
                   .aggregation = loss::TokenMean{}};
}

}  // namespace recipes
}  // namespace v0
}  // namespace hone
