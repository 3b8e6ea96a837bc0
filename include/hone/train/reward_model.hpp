// A trained reward model as the reward of an OnlineTrainer: the score of an answer is the scalar at
// its last token.
//
//   OnlineTrainer trainer{actor, critic, train::RewardModel{scalar_model}, algorithm, options};
//
// missing_end_penalty is that of TRL's PPO (missing_eos_penalty). Where its lower layers are those
// of the actor it reads what was computed for them already.
#pragma once

#include <cstdint>
#include <vector>

#include "hone/model/lora.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/scalar_pass.hpp"
#include "hone/train/trunk.hpp"

namespace hone {
inline namespace v0 {
namespace train {

template <class DecoderType>
struct RewardModel {
  using Decoder = DecoderType;

  ScalarModel<Decoder> model = {};
  float missing_end_penalty = 0.0f;  // off the score of an answer that stopped at a length limit
  std::int64_t microbatch_tokens = 8192;  // per forward pass; changes no bit
  bool adapters = true;  // false where they are those of a critic that shares the model's weights

  // A score for each answer, [S]. `trunk` is that of the rollouts' forest.
  std::vector<float> operator()(const rollout::Rollouts& rollouts, const Trunk& trunk = {}) const {
    std::vector<float> scores;
    for_each_microbatch(rollouts.forest, microbatch_tokens, [&](auto first, auto last) {
      const rollout::Rollouts part = rollouts.slice(first, last);
      const std::vector<float> all =
          scalars(model, part.forest,
                  {.adapters = adapters, .trunk = trunk.slice(rollouts.forest, first, last)});
      for (const std::int64_t t : end_tokens(part.forest, part.segments))
        scores.push_back(all[static_cast<std::size_t>(t)]);
    });
    for (std::size_t s = 0; s < scores.size(); ++s)
      if (truncated(rollouts.finish[s])) scores[s] -= missing_end_penalty;
    return scores;
  }

  // Whether training `decoder` changes the weights that these scores are computed from.
  template <class Other>
  bool moves_with(Other& decoder) const {
    if (static_cast<const void*>(&decoder) != static_cast<const void*>(model.decoder)) return false;
    bool moves = false;
    const auto look = [&](const auto& p) { moves = moves || p.trainable(); };
    decoder.for_each_parameter(look);
    if (adapters) model::for_each_adapter_parameter(decoder, look);
    return moves;
  }
};

template <class Decoder>
RewardModel(ScalarModel<Decoder>) -> RewardModel<Decoder>;
template <class Decoder>
RewardModel(ScalarModel<Decoder>, float) -> RewardModel<Decoder>;

}  // namespace train
}  // namespace v0
}  // namespace hone
