// The trainer's numbers of other systems, as values of OnlineOptions: learning rates, epochs,
// temperature, Adam's constants, limits of scores
//
//   hone::OnlineTrainer trainer{actor, critic, reward, compat::deepspeed_chat::ppo(),
//                               compat::deepspeed_chat::online_options(steps)};
//
// Defaults of the systems' own scripts. Clips, lambda and the KL's coefficient are those of the
// algorithms beside this header. `steps` is the number of optimiser steps of the run, where the
// learning rate decays over it. Averaged weights are off in all of them; where a system has them as
// an option, its decay is `ema_decay`: options.ema = train::Ema{ema_decay}.
#pragma once

#include <cstdint>

#include "hone/recipes/compat/deepspeed_chat.hpp"
#include "hone/recipes/compat/openrlhf.hpp"
#include "hone/train/online_options.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {

namespace deepspeed_chat {

inline auto online_options(std::int64_t steps) {
  const auto decaying = [steps](float peak) {
    return train::Schedule{
        .peak = peak, .decay = train::Decay::cosine, .warmup = 100, .total = steps};
  };
  const train::AdamW adam{.beta1 = 0.9f, .beta2 = 0.95f, .decay = 0.0f, .max_norm = 1.0f};
  return train::OnlineOptions{
      .generation = {.sampling = {.temperature = 1.0f}, .max_new_tokens = 256},
      .ppo_epochs = 1,
      .optimizer = adam,
      .schedule = decaying(actor_learning_rate),
      .critic_optimizer = adam,
      .critic_schedule = decaying(critic_learning_rate),
      .score_clip = score_clip};
}

}  // namespace deepspeed_chat

namespace trl {

// PPOConfig. Its one optimiser moves actor and critic: the critic has the actor's rate, and its
// loss the coefficient 0.1 (trl::ppo).
inline auto ppo_options(std::int64_t steps) {
  const train::Schedule schedule{.peak = 3e-6f, .decay = train::Decay::linear, .total = steps};
  const train::AdamW adam{.beta1 = 0.9f, .beta2 = 0.999f, .decay = 0.0f, .max_norm = 1.0f};
  return train::OnlineOptions{
      .generation = {.sampling = {.temperature = 0.7f}, .max_new_tokens = 53},
      .ppo_epochs = 4,
      .optimizer = adam,
      .schedule = schedule,
      .critic_optimizer = adam,
      .critic_schedule = schedule};
}

// GRPOConfig of TRL 1.16: mu (num_iterations) 1.
inline auto grpo_options(std::int64_t steps) {
  return train::OnlineOptions{
      .group_size = 8,
      .generation = {.sampling = {.temperature = 1.0f, .top_p = 1.0f}, .max_new_tokens = 512},
      .ppo_epochs = 1,
      .optimizer = {.beta1 = 0.9f, .beta2 = 0.999f, .decay = 0.0f, .max_norm = 1.0f},
      .schedule = {.peak = 1e-6f, .decay = train::Decay::linear, .total = steps}};
}

// RLOOConfig.
inline auto rloo_options(std::int64_t steps) {
  train::OnlineOptions options = grpo_options(steps);
  options.group_size = 2;
  return options;
}

}  // namespace trl

namespace verl {

// Minibatches of 256 of its 1024 prompts.
inline auto online_options() {
  const train::AdamW adam{.beta1 = 0.9f, .beta2 = 0.999f, .decay = 0.01f, .max_norm = 1.0f};
  return train::OnlineOptions{
      .generation = {.sampling = {.temperature = 1.0f, .top_p = 1.0f}, .max_new_tokens = 512},
      .ppo_epochs = 1,
      .minibatches = 4,
      .optimizer = adam,
      .schedule = {.peak = 1e-6f, .decay = train::Decay::constant},
      .critic_optimizer = adam,
      .critic_schedule = {.peak = 1e-5f, .decay = train::Decay::constant}};
}

}  // namespace verl

namespace openrlhf {

// For ppo and reinforce_plus_plus. Minibatches of 128 of its 1024 answers; warm-up over 3 % of the
// steps, then a cosine down to a tenth.
inline auto online_options(std::int64_t steps) {
  const auto decaying = [steps](float peak) {
    return train::Schedule{.peak = peak,
                           .decay = train::Decay::cosine,
                           .warmup = (steps * 3 + 99) / 100,
                           .total = steps,
                           .final_ratio = 0.1f};
  };
  const train::AdamW adam{.beta1 = 0.9f, .beta2 = 0.95f, .decay = 0.0f, .max_norm = 1.0f};
  return train::OnlineOptions{
      .generation = {.sampling = {.temperature = 1.0f, .top_p = 1.0f}, .max_new_tokens = 1024},
      .ppo_epochs = 1,
      .minibatches = 8,
      .optimizer = adam,
      .schedule = decaying(1e-6f),
      .critic_optimizer = adam,
      .critic_schedule = decaying(9e-6f),
      .score_clip = score_clip};
}

// For what compares answers, where the algorithm limits what the baseline leaves of a score.
inline auto group_options(std::int64_t steps, std::int32_t group_size) {
  train::OnlineOptions options = online_options(steps);
  options.group_size = group_size;
  options.score_clip = unlimited;
  return options;
}

}  // namespace openrlhf
}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
