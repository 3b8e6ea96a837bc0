// A decoder's low-rank adapters from a PEFT folder, and into one that peft loads.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hone/checkpoint/peft_folder.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/model/lora.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// Attaches the folder's adapter; all other weights are frozen. Throws, naming the tensor, when it
// does not fit the model, which stays as it was.
template <class Decoder>
void load_adapter(Decoder& decoder, const PeftFolder& folder) {
  const PeftConfig& config = folder.config();
  model::Lora lora{.rank = config.r,
                   .alpha = static_cast<float>(config.alpha),
                   .rank_stabilised = config.use_rslora,
                   .targets = folder.modules()};
  for (const std::string& module : folder.modules()) {
    bool known = false;
    decoder.for_each_linear([&](const auto& linear) { known = known || linear.module == module; });
    require(known, folder.where(), ": adapts ", in_quotes(module),
            ", which is no linear layer of this model");
  }
  std::vector<ExpectedTensor> expected;
  decoder.for_each_linear([&](const auto& linear) {
    if (!lora.selects(linear.module)) return;
    const std::string name = std::string(model::adapter_prefix) + linear.module;
    expected.push_back({name + ".lora_A.weight", {lora.rank, linear.weight.in()}});
    expected.push_back({name + ".lora_B.weight", {linear.weight.out(), lora.rank}});
  });
  // Modules that were stored whole are not the decoder's.
  check_tensors(folder, expected,
                [](std::string_view name) { return name.find(".lora_") == name.npos; });
  model::attach(decoder, lora);
  std::vector<float> rows;
  model::for_each_adapter_parameter(decoder, [&](auto& p) {
    rows.resize(static_cast<std::size_t>(p.count()));
    folder.read(p.name(), p.file_shape(), rows);
    p.from_file(rows);
  });
  decoder.touch();
}

// Writes the decoder's adapters as a PEFT folder. `base` goes into base_model_name_or_path.
template <class Decoder>
void save_adapter(const std::filesystem::path& target, Decoder& decoder, const model::Lora& lora,
                  const std::string& base, bool overwrite = false) {
  std::vector<ExpectedTensor> tensors;
  model::for_each_adapter_parameter(decoder, [&](const auto& p) {
    tensors.push_back({.name = p.name(), .shape = p.file_shape()});
  });
  require(!tensors.empty(), target.string(), ": the model has no adapter to save");
  PeftConfig config{.r = lora.rank, .alpha = lora.alpha, .use_rslora = lora.rank_stabilised};
  config.target_modules = lora.targets;
  config.fan_in_fan_out = Decoder::traits.transposed_linear;
  config.base_model = base;
  PeftFolderWriter writer(target, config, tensors, DType::f32, overwrite);
  std::vector<float> rows;
  model::for_each_adapter_parameter(decoder, [&](const auto& p) {
    rows.resize(static_cast<std::size_t>(p.count()));
    p.to_file(rows);
    writer.write(p.name(), rows);
  });
  writer.commit();
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
