// A decoder's weights from a checkpoint, and the other way round.
//
//   checkpoint::HfFolder folder{"SmolLM2-135M"};
//   model::Decoder<model::Llama> decoder{folder.config()};
//   checkpoint::load(decoder, folder);
//
// All names, shapes and formats are compared before the first weight changes; check_fits() compares
// them before there are weights, for a config that may lie.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"
#include "hone/model/config.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/family.hpp"
#include "hone/model/outline.hpp"

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

namespace detail {

template <TensorSource Source>
void check_weights(const Source& source, const std::vector<ExpectedTensor>& expected) {
  // A head's bias is no surplus: a model without it is another model.
  check_tensors(source, expected, [](std::string_view name) {
    return (is_head(name) && name != "lm_head.bias") || is_buffer(name);
  });
}

}  // namespace detail

// Throws unless the source holds just the weights that a model of this config needs. What this
// takes is bounded by the source, not by the sizes in the config.
template <TensorSource Source>
void check_fits(const model::Config& config, const Source& source) {
  model::check(config, source.where());
  // A layer has several tensors.
  const std::vector<std::string>& names = source.names();
  require(static_cast<std::uint64_t>(config.layers) <= names.size(), source.where(),
          ": the config asks for ", config.layers, " layers, but there are ", names.size(),
          " tensors");
  model::visit_family(config.family, [&](auto family) {
    const model::Decoder<decltype(family), model::Outline> outline{config};
    detail::check_weights(source, expected_tensors(outline));
  });
}

template <class Model, TensorSource Source>
void load(Model& model, const Source& source) {
  detail::check_weights(source, expected_tensors(model));
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
