// The numbers of an online run, and what it carries from step to step.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "hone/checkpoint/described.hpp"
#include "hone/rollout/request.hpp"
#include "hone/train/adamw.hpp"
#include "hone/train/ema.hpp"
#include "hone/train/part.hpp"
#include "hone/train/schedule.hpp"
#include "hone/train/token_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct OnlineOptions {
  std::int32_t group_size = 1;               // answers per prompt; 2 where they are compared
  rollout::GenerateOptions generation = {};  // seed and step are set by the trainer
  std::int32_t ppo_epochs = 1;               // passes over the experience
  std::int32_t minibatches = 1;              // optimiser steps per pass, of whole trees
  std::int64_t microbatch_tokens = 8192;     // per forward and backward pass; changes no bit
  AdamW optimizer = {};
  Schedule schedule = {.peak = 1e-6f, .decay = Decay::constant};
  AdamW critic_optimizer = {};
  Schedule critic_schedule = {.peak = 5e-6f, .decay = Decay::constant};
  float score_clip = std::numeric_limits<float>::infinity();  // scores are limited to +- this
  // A reward that scores a cut-off answer as it stands makes the cut an end (DeepSpeed-Chat, TRL);
  // to bootstrap from the critic as well would count the score twice. false: cut-off answers go on
  // from the critic's value, for a reward that says nothing of them.
  bool truncation_is_end = true;
  double stop_kl = 0.0;  // ends the update of a batch once approx_kl is above; 0: never
  bool checkpoint_activations = false;
  bool share_trunk = true;  // compute layers that all networks share once; changes no bit
  std::optional<Ema> ema = {};
  std::uint64_t seed = 0;

  // How passes over sampled answers run: at the temperature that they were sampled at.
  PassSettings pass() const {
    return {.temperature = generation.sampling.temperature,
            .checkpoint_activations = checkpoint_activations};
  }
};

// What of the options decides a run's bits, for its checkpoints.
inline checkpoint::Json described(const OnlineOptions& options) {
  checkpoint::Json out = checkpoint::described(options);
  for (const char* free : {"microbatch_tokens", "checkpoint_activations", "share_trunk"})
    out.erase(free);
  for (const char* free : {"max_batch", "prefill_tokens", "cache", "seed", "step"})
    out["generation"].erase(free);
  return out;
}

// What a critic adds to the state.
struct CriticState {
  AdamW::State critic_optimizer;
};

// Saved and restored as a whole.
template <class KlState, class LossState, bool Critic>
struct OnlineState : part_if<Critic, CriticState> {
  std::int64_t step = 0;     // rollout phases
  std::int64_t updates = 0;  // optimiser steps
  AdamW::State optimizer;
  Ema::State ema;
  KlState kl{};      // of the penalty's coefficient
  LossState loss{};  // of the policy loss's own coefficient
};

}  // namespace train
}  // namespace v0
}  // namespace hone
