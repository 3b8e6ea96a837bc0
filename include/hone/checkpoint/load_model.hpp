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

template <class Model, TensorSource Source>
void load(Model& model, const Source& source) {
  // A head's bias is no surplus: a model without it is another model.
  check_tensors(source, expected_tensors(model), [](std::string_view name) {
    return (is_head(name) && name != "lm_head.bias") || is_buffer(name);
  });
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
