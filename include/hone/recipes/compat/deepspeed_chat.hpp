// DeepSpeed-Chat's conventions (dschat/rlhf/ppo_trainer.py, dschat/utils/model/reward_model.py).
//
// Where it differs from hone::recipes::ppo():
//   GAE lambda 0.95, gamma 1, without whitening; KL k1 in the reward with 0.1; scores clipped to
//   +-5; the score one position past the end of an answer (ScoreAfterEnd), but with pad == eos on
//   the end, which then is not trained (ppo_pad_is_eos); reward model trained on every position
//   from the first divergence on
// Learning rates, epochs and temperature: compat/options.hpp.
#pragma once

#include "hone/advantage/gae.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/compared_at.hpp"
#include "hone/loss/positions.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/value_clip.hpp"
#include "hone/recipes/compat/score_after_end.hpp"
#include "hone/recipes/compat/untrained_end.hpp"
#include "hone/train/algorithm.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {
namespace deepspeed_chat {

inline constexpr float score_clip = 5.0f;               // OnlineOptions::score_clip
inline constexpr float actor_learning_rate = 9.65e-6f;  // cosine, 100 steps of warm-up, no decay
inline constexpr float critic_learning_rate = 5e-6f;
inline constexpr float lora_learning_rate = 5e-4f;  // of both, where adapters are trained
inline constexpr float ema_decay = 0.992f;          // per step of the actor
inline constexpr float ptx_coef = 27.8f;            // weight of the unsupervised loss

inline constexpr auto ppo() {
  return Algorithm{.advantage = ScoreAfterEnd{.gamma = 1.0f, .lambda = 0.95f},
                   .kl = kl::InReward<kl::K1>{.coef = 0.1f},
                   .loss = loss::PpoClip{.clip_low = 0.2f, .clip_high = 0.2f},
                   .value_loss = loss::ValueClip{.value_clip = 0.2f},
                   .aggregation = loss::TokenMean{}};
}

// The same where the tokenizer's pad token is its end-of-sequence token.
inline constexpr auto ppo_pad_is_eos() {
  return Algorithm{.advantage = UntrainedEnd<advantage::Gae>{.inner = {.lambda = 0.95f}},
                   .kl = kl::InReward<kl::K1>{.coef = 0.1f},
                   .loss = loss::PpoClip{},
                   .value_loss = loss::ValueClip{},
                   .aggregation = MeanWithoutEnds{}};
}

inline constexpr auto reward_model() {
  return loss::ComparedAt{loss::BradleyTerry{}, loss::FromDivergence{}};
}

}  // namespace deepspeed_chat
}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
