// How deep the trunk is that all networks of a run have in common (train/trunk.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "hone/train/make_experience.hpp"
#include "hone/train/networks.hpp"
#include "hone/train/trunk.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// Layers, counted from the embedding, that the actor, its critics (none or one) and the networks of
// its reward have in common and none of them trains. A reference is a copy of the actor and limits
// nothing. A decoder of another type shares nothing.
template <class Decoder, class Reward, class... Critic>
std::int64_t shared_layers(const Decoder& actor, Reward& reward, const Critic&... critic) {
  std::int64_t layers = frozen_layers(actor);
  const auto limit = [&](const auto& decoder) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(decoder)>, Decoder>)
      layers = std::min({layers, frozen_layers(decoder), equal_layers(actor, decoder)});
    else
      layers = 0;
  };
  (limit(*critic.decoder), ...);
  if constexpr (ReadsTrunk<Reward>)
    for_each_network(reward, [&](const auto& judge) { limit(*judge.model.decoder); });
  return layers;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
