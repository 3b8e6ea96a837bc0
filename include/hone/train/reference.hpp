// The frozen policy that a KL penalty measures against.
//
// An actor with adapters is its own reference, with the adapters switched off: no second set of
// weights. An actor that is trained in full gets a copy, made when the trainer is.
#pragma once

#include <optional>

#include "hone/kernel/head_shape.hpp"
#include "hone/model/clone.hpp"
#include "hone/train/score.hpp"

namespace hone {
inline namespace v0 {
namespace train {

template <class Decoder>
class Reference {
 public:
  explicit Reference(Decoder& actor) : actor_(&actor) {
    if (!model::has_adapters(actor)) copy_.emplace(model::clone(actor));
  }

  std::vector<float> logprobs(const Forest& forest, const HeadRows& rows,
                              PassSettings settings) const {
    settings.adapters = false;
    return score(copy_ ? *copy_ : *actor_, forest, rows, settings).logprobs;
  }

  // The reference beside a forest, for objectives of the exact KL over the vocabulary.
  struct Beside {
    typename Decoder::Tensor hidden;
    kernel::HeadReference head;  // points into `hidden` and the reference's head
  };
  Beside beside(const Forest& forest, const Trunk& trunk = {}) const {
    Decoder& decoder = copy_ ? *copy_ : *actor_;
    typename Decoder::Pass pass({.adapters = false});
    Beside b{hidden_states(decoder, pass, forest, trunk), {}};
    b.head = {.hidden = b.hidden.data(),
              .panels = decoder.head().value().data(),
              .dim = decoder.width(),
              .softcap = decoder.config().final_softcap};
    return b;
  }

  bool shares_weights() const { return !copy_.has_value(); }
  // The weights of its own, or null.
  Decoder* copy() const { return copy_ ? &*copy_ : nullptr; }

 private:
  Decoder* actor_;
  mutable std::optional<Decoder> copy_;
};

}  // namespace train
}  // namespace v0
}  // namespace hone
