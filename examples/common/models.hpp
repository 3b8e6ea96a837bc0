// A pretrained model of any family that the programs are compiled for, and what was learnt as
// files.
#pragma once

#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "hone/checkpoint/adapter.hpp"
#include "hone/checkpoint/pretrained.hpp"
#include "hone/checkpoint/save_model.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "settings.hpp"

namespace examples {

// Each family here costs each program another half minute of compiling. Llama is SmolLM2's too.
using Families = std::tuple<hone::model::Llama, hone::model::Qwen2>;

// Calls body(decoder) with an empty decoder of the config's family.
template <class Body>
void with_decoder(const hone::model::Config& config, const std::string& path, Body&& body) {
  std::string names;
  const auto attempt = [&](auto family) {
    names += (names.empty() ? "" : ", ") + std::string(name_of(family.traits.id));
    if (config.family != family.traits.id) return false;
    hone::model::Decoder<decltype(family)> decoder{config};
    body(decoder);
    return true;
  };
  const bool done =
      std::apply([&](auto... family) { return (attempt(family) || ...); }, Families{});
  hone::require(done, path, ": is of family ", name_of(config.family),
                ", this program is compiled for ", names,
                "; add it to Families in examples/common/models.hpp");
}

// The same with the weights of `source` in it.
template <class Body>
void with_model(const hone::checkpoint::Pretrained& source, const std::string& path, Body&& body) {
  with_decoder(source.config(), path, [&](auto& decoder) {
    source.load(decoder);
    body(decoder);
  });
}

inline hone::model::Lora lora_of(const Settings& s) {
  return {.rank = s.lora_rank, .alpha = s.lora_alpha, .seed = s.seed};
}

// Adapters, or the layers from train_from on.
template <class Decoder>
void choose_trained(Decoder& decoder, const Settings& s) {
  const std::int64_t layers = decoder.config().layers;
  hone::require(s.train_from >= 0 && s.train_from < layers, "--train-from is ", s.train_from,
                ", expected 0 to ", layers - 1);
  if (s.lora_rank > 0)
    hone::model::attach(decoder, lora_of(s));
  else
    decoder.train_from_layer(s.train_from);
}

// The tokenizer's files for a folder, to be written with the weights: those of the source at
// `model`, or made from what a GGUF file says.
hone::checkpoint::HfFolderOptions folder_options(const std::string& model,
                                                 const hone::checkpoint::Pretrained& source,
                                                 const hone::text::Tokenizer& tokenizer);

// OUT/adapter, a PEFT folder, or OUT/model, a Hugging Face folder with its tokenizer; `suffix` goes
// after the name.
template <class Decoder>
std::string save_policy(const Settings& s, Decoder& decoder,
                        const hone::checkpoint::Pretrained& source,
                        const hone::text::Tokenizer& tokenizer, const std::string& suffix = "") {
  const std::string target = s.out + (s.lora_rank > 0 ? "/adapter" : "/model") + suffix;
  if (s.lora_rank > 0)
    hone::checkpoint::save_adapter(target, decoder, lora_of(s), s.model, true);
  else
    hone::checkpoint::save_model(target, decoder, folder_options(s.model, source, tokenizer));
  return target;
}

}  // namespace examples
