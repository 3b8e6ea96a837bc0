// A decoder's weights as a Hugging Face folder that transformers loads.
#pragma once

#include <filesystem>
#include <vector>

#include "hone/checkpoint/hf_folder_writer.hpp"
#include "hone/checkpoint/load_model.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// Writes config.json, generation_config.json, model.safetensors and what `options` asks for. With
// adapters, the plain weights are written; merge first to write their sum.
template <class Decoder>
void save_model(const std::filesystem::path& target, const Decoder& decoder,
                const HfFolderOptions& options = {}) {
  const std::vector<ExpectedTensor> tensors = expected_tensors(decoder);
  HfFolderWriter writer(target, {.model = decoder.config()}, tensors, options);
  std::vector<float> rows;
  decoder.for_each_parameter([&](const auto& p) {
    rows.resize(static_cast<std::size_t>(p.count()));
    p.to_file(rows);
    writer.write(p.name(), rows);
  });
  writer.commit();
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
