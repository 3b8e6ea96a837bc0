// The lower layers that several networks have in common and none of them trains.
//
// Actor, critic, reference and reward model often begin as copies of one model and train their
// upper layers alone. What the layers below compute for a token is then the same in all four, in
// every epoch: it is computed once for a batch and handed to each pass. Bit for bit the same
// result, without the work.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// The residual stream of a forest's tokens before layer `layers`. Empty: a pass computes its own.
struct Trunk {
  std::int64_t layers = 0;
  std::span<const float> states = {};  // [T, hidden]

  // That of the trees [first, last) of the forest.
  Trunk slice(const Forest& forest, std::int64_t first, std::int64_t last) const {
    if (layers == 0) return {};
    const std::size_t width = states.size() / static_cast<std::size_t>(forest.size());
    const auto begin = static_cast<std::size_t>(forest.tree_begin(first));
    const auto end = static_cast<std::size_t>(forest.tree_begin(last));
    return {layers, states.subspan(begin * width, (end - begin) * width)};
  }

  // The states of the named trees of the forest, in the named order.
  std::vector<float> take(const Forest& forest, std::span<const std::int64_t> trees) const {
    std::vector<float> out;
    if (layers == 0) return out;
    for (const std::int64_t tree : trees) {
      const std::span<const float> part = slice(forest, tree, tree + 1).states;
      out.insert(out.end(), part.begin(), part.end());
    }
    return out;
  }
};

// How many layers, counted from the embedding, learn nothing: no parameter of theirs is trainable
// and no adapter sits on them. 0 if the embedding learns.
template <class Decoder>
std::int64_t frozen_layers(const Decoder& decoder) {
  std::int64_t frozen = decoder.config().layers;
  decoder.for_each_layer_parameter([&](std::int64_t layer, const auto& p) {
    if (p.trainable()) frozen = std::min(frozen, std::max<std::int64_t>(0, layer));
  });
  decoder.for_each_layer_linear([&](std::int64_t layer, const auto& linear) {
    if (linear.adapter) frozen = std::min(frozen, layer);
  });
  return frozen;
}

// How many layers, counted from the embedding, are equal bit for bit in two models.
template <class Decoder>
std::int64_t equal_layers(const Decoder& a, const Decoder& b) {
  if (!(a.config() == b.config())) return 0;
  std::vector<std::span<const float>> values;
  a.for_each_layer_parameter([&](std::int64_t, const auto& p) { values.push_back(p.value()); });
  std::int64_t equal = a.config().layers;
  std::size_t next = 0;
  b.for_each_layer_parameter([&](std::int64_t layer, const auto& p) {
    const std::span<const float> other = values[next++];
    if (layer < equal && std::memcmp(p.value().data(), other.data(), other.size_bytes()) != 0)
      equal = std::max<std::int64_t>(0, layer);
  });
  return equal;
}

// The residual stream before layer `layers`, [T, hidden], without gradients.
template <class Decoder>
std::vector<float> trunk_states(Decoder& decoder, const Forest& forest, std::int64_t layers) {
  typename Decoder::Pass pass({.adapters = false});
  const auto h = decoder.run_until(pass, forest, layers);
  return {h.data(), h.data() + forest.size() * h.cols()};
}

// Hidden states [T, width] of a forest: from the trunk where there is one, else from the tokens.
template <class Decoder>
typename Decoder::Tensor hidden_states(Decoder& decoder, typename Decoder::Pass& pass,
                                       const Forest& forest, const Trunk& trunk) {
  if (trunk.layers == 0) return decoder.run(pass, forest);
  const std::int64_t width = decoder.config().hidden;
  require(static_cast<std::int64_t>(trunk.states.size()) == forest.size() * width,
          "Trunk: ", trunk.states.size(), " numbers, expected ", forest.size(), " tokens of ",
          width);
  return decoder.run_from(pass, forest, trunk.layers,
                          pass.constant(forest.size(), width, trunk.states));
}

}  // namespace train
}  // namespace v0
}  // namespace hone
