// A decoder's weights from a checkpoint, and the other way round.
//
//   checkpoint::HfFolder folder{"SmolLM2-135M"};
//   model::Decoder<model::Llama> decoder{folder.config()};
//   checkpoint::load(decoder, folder);
//
// All names and shapes are compared before the first weight changes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hone/checkpoint/tensor_source.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// What a model expects of a checkpoint: the names and shapes of its parameters.
template <class Model>
std::vector<ExpectedTensor> expected_tensors(const Model& model) {
  std::vector<ExpectedTensor> out;
  model.for_each_parameter(
      [&out](const auto& p) { out.push_back({.name = p.name(), .shape = p.file_shape()}); });
  return out;
}

// Tensors that checkpoints carry beside the weights: attention masks and rotary tables of old
// exports, a head that is a copy of the embedding, the scalar head of a reward model.
inline bool is_surplus(std::string_view name) {
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") ||
         name.ends_with("rotary_emb.inv_freq") || name == "lm_head.weight" ||
         name.starts_with("score.") || name.starts_with("v_head.");
}

template <class Model, TensorSource Source>
void load(Model& model, const Source& source) {
  check_tensors(source, expected_tensors(model), is_surplus);
  std::vector<float> rows;
  model.for_each_parameter([&](auto& p) {
    rows.resize(static_cast<std::size_t>(p.count()));
    source.read(p.name(), p.file_shape(), rows);
    p.from_file(rows);
  });
  model.touch();
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
