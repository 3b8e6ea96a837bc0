// The four networks of PPO from two: a policy and a trained reward model.
//
//   train::FourNetworks networks{policy, scorer, {.lora = model::Lora{.rank = 16}}};
//   OnlineTrainer trainer{networks.actor(), networks.critic(), networks.reward(), recipes::ppo(),
//                         options};
//
//   network        what learns is layers              what learns is adapters
//   actor          the policy                         the policy with adapters
//   reference      a copy of the policy               the policy without them
//   reward model   as it was trained                  as it was trained
//   critic         a copy of the reward model         the reward model with adapters
//
// The critic has a scalar head of its own, with a bias, which begins as the reward model's. The
// reference is the trainer's (train/reference.hpp), the rest is made here. Scores never move: the
// reward model is frozen, and it is read without the adapters that are the critic's.
#pragma once

#include <cstdint>
#include <optional>

#include "hone/core/error.hpp"
#include "hone/model/clone.hpp"
#include "hone/model/lora.hpp"
#include "hone/model/scalar_head.hpp"
#include "hone/train/reward_model.hpp"
#include "hone/train/scalar_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// What of a decoder learns.
struct Trained {
  std::int64_t from_layer = 0;           // this layer and those above it; 0: all weights
  std::optional<model::Lora> lora = {};  // adapters instead

  template <class Decoder>
  void choose(Decoder& decoder) const {
    require(from_layer >= 0 && from_layer < decoder.config().layers, "Trained: from_layer is ",
            from_layer, ", expected 0 to ", decoder.config().layers - 1);
    if (lora)
      model::attach(decoder, *lora);
    else
      decoder.train_from_layer(from_layer);
  }
};

// Holds what the critic has of its own; the policy and the reward model stay the caller's.
template <class DecoderType>
class FourNetworks {
 public:
  using Decoder = DecoderType;
  using Head = model::ScalarHead<typename Decoder::Parameter>;

  // Actor and critic learn as `trained` says, or the critic as `critic` says.
  FourNetworks(Decoder& policy, const ScalarModel<Decoder>& scorer, const Trained& trained)
      : FourNetworks(policy, scorer, trained, trained) {}
  FourNetworks(Decoder& policy, const ScalarModel<Decoder>& scorer, const Trained& actor,
               const Trained& critic)
      : policy_(&policy), scorer_(scorer), head_(scorer.head->weight.in(), true) {
    require(&policy != scorer.decoder,
            "FourNetworks: the policy and the reward model are one decoder, expected two");
    for (const Decoder* d : {policy_, scorer_.decoder})
      require(!model::has_adapters(*d), "FourNetworks: the ",
              d == policy_ ? "policy" : "reward model",
              " has adapters already, which would take those of PPO's place: make them part of the "
              "weights with model::Merged{decoder}.keep()");
    if (!critic.lora) copy_.emplace(model::clone(*scorer_.decoder));
    scorer_.decoder->for_each_parameter([](auto& p) { p.set_trainable(false); });
    scorer_.head->set_trainable(false);
    actor.choose(policy);
    critic.choose(critic_decoder());
    head_.weight.copy_values(scorer_.head->weight);
    if (scorer_.head->bias) head_.bias->copy_values(*scorer_.head->bias);
    head_.set_trainable(true);
  }
  FourNetworks(const FourNetworks&) = delete;  // the critic's head and copy are pointed to
  FourNetworks& operator=(const FourNetworks&) = delete;

  Decoder& actor() { return *policy_; }
  ScalarModel<Decoder> critic() { return {&critic_decoder(), &head_}; }
  RewardModel<Decoder> reward() const { return {.model = scorer_, .adapters = false}; }

  // Whether critic and reward model have one set of weights.
  bool critic_shares_weights() const { return !copy_.has_value(); }

 private:
  Decoder& critic_decoder() { return copy_ ? *copy_ : *scorer_.decoder; }

  Decoder* policy_;
  ScalarModel<Decoder> scorer_;
  std::optional<Decoder> copy_;
  Head head_;
};

}  // namespace train
}  // namespace v0
}  // namespace hone
