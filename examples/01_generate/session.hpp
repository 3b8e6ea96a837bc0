// A conversation with a model, or a text that it completes.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "hone/checkpoint/pretrained.hpp"
#include "hone/rollout/engine.hpp"
#include "settings.hpp"

namespace generate {

// What a conversation needs of a model: rollout::Engine<...>::generate.
using Generate = std::function<std::vector<rollout::Answer>(
    std::span<const rollout::Request>, const rollout::GenerateOptions&, const rollout::Decode&,
    const rollout::OnToken&)>;

void converse(Generate generate, const checkpoint::Pretrained& source, const Settings& settings);

}  // namespace generate
