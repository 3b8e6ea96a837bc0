// The part of the program that is compiled for each family.
#pragma once

#include "hone/checkpoint/adapter.hpp"
#include "hone/checkpoint/pretrained.hpp"
#include "hone/model/decoder.hpp"
#include "hone/rollout/engine.hpp"
#include "session.hpp"
#include "settings.hpp"

namespace generate {

// A decoder and an engine take the compiler some seconds, all seven families in one file a minute:
// CMakeLists.txt makes a file for each.
template <class Family>
void run(const checkpoint::Pretrained& source, const Settings& settings) {
  model::Decoder<Family> decoder{source.config()};
  source.load(decoder);
  if (!settings.adapter.empty())
    checkpoint::load_adapter(decoder, checkpoint::PeftFolder{settings.adapter});
  rollout::Engine engine{decoder};
  engine.keep_contexts(1);
  converse([&engine](const auto&... what) { return engine.generate(what...); }, source, settings);
}

}  // namespace generate
