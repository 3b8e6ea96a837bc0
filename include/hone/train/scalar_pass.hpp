// Passes of a model with a scalar head: values of a critic, scores of a reward model.
//
// The scalar of token t is head . h[t]. A critic's value of the state before a sampled token is the
// scalar at the token before it; a reward model's score of an answer is the scalar at its last
// token.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/model/scalar_head.hpp"
#include "hone/train/token_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// A decoder with a scalar head; both are owned by the caller.
template <class DecoderType>
struct ScalarModel {
  using Decoder = DecoderType;
  Decoder* decoder = nullptr;
  model::ScalarHead<typename Decoder::Parameter>* head = nullptr;
};

// The scalar of every token, [T], without gradients.
template <class Decoder>
std::vector<float> scalars(const ScalarModel<Decoder>& model, const Forest& forest,
                           const PassSettings& settings = {}) {
  if (forest.empty()) return {};
  typename Decoder::Pass pass({.adapters = settings.adapters});
  const auto v = (*model.head)(pass, hidden_states(*model.decoder, pass, forest, settings.trunk));
  return {v.data(), v.data() + forest.size()};
}

// Runs the model, asks slopes_of(scalars [T], slopes [T]) for the loss's derivative by each scalar
// (zero where it writes nothing), and adds the gradients.
template <class Decoder, class SlopesOf>
void scalar_pass(const ScalarModel<Decoder>& model, const Forest& forest, SlopesOf&& slopes_of,
                 const PassSettings& settings = {}) {
  if (forest.empty()) return;
  typename Decoder::Pass pass({.record = true,
                               .checkpoint = settings.checkpoint_activations,
                               .adapters = settings.adapters});
  const auto v = (*model.head)(pass, hidden_states(*model.decoder, pass, forest, settings.trunk));
  const auto n = static_cast<std::size_t>(forest.size());
  slopes_of(std::span<const float>(v.data(), n), std::span<float>(v.gradient(), n));
  pass.backward();
}

// The last token of each answer, where its score is read; of an empty answer the last one before
// it.
inline std::vector<std::int64_t> end_tokens(const Forest& forest,
                                            std::span<const std::int32_t> segments) {
  std::vector<std::int64_t> out;
  for (const std::int32_t s : segments) {
    const Segment& segment = forest.segments()[static_cast<std::size_t>(s)];
    const std::int64_t t =
        segment.length > 0 ? segment.end() - 1 : forest.predecessor(s, segment.begin);
    require(t >= 0, "segment ", s, " and its ancestors hold no token, so there is no score");
    out.push_back(t);
  }
  return out;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
