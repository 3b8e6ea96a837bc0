// A reward model as a Hugging Face folder: what transformers calls
// <Family>ForSequenceClassification with one label.
//
//   checkpoint::HfFolder folder{"runs/reward/model"};
//   model::Decoder<model::Llama> decoder{checkpoint::scorer_config(folder)};
//   model::ScalarHead<model::Parameter> head{decoder.width()};
//   checkpoint::load_scorer(folder, decoder, head);
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "hone/checkpoint/hf_folder.hpp"
#include "hone/checkpoint/hf_folder_writer.hpp"
#include "hone/checkpoint/load_model.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"
#include "hone/model/config.hpp"
#include "hone/model/scalar_head.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// Weights of the backbone and of the scalar head, which has no bias there; a language-model head is
// left out. With adapters, the plain weights are written; merge first to write their sum.
template <class Decoder, class Parameter>
void save_scorer(const std::filesystem::path& target, Decoder& decoder,
                 const model::ScalarHead<Parameter>& head, const HfFolderOptions& options = {}) {
  require(!head.bias, target.string(),
          ": the scalar head has a bias, which a sequence classifier has no place for");
  const auto wanted = [](const std::string& name) { return name != "lm_head.weight"; };
  std::vector<ExpectedTensor> tensors;
  for (ExpectedTensor& t : expected_tensors(decoder))
    if (wanted(t.name)) tensors.push_back(std::move(t));
  tensors.push_back({.name = "score.weight", .shape = head.weight.file_shape()});
  HfFolderWriter writer(target, {.model = decoder.config(), .labels = 1}, tensors, options);
  std::vector<float> rows;
  const auto write = [&](const std::string& name, const auto& p) {
    rows.resize(static_cast<std::size_t>(p.count()));
    p.to_file(rows);
    writer.write(name, rows);
  };
  decoder.for_each_parameter([&](const auto& p) {
    if (wanted(p.name())) write(p.name(), p);
  });
  write("score.weight", head.weight);
  writer.commit();
}

// The config of a scorer's backbone, which has no language-model head of its own. Throws unless the
// folder holds a scorer that fits it.
inline model::Config scorer_config(const HfFolder& folder) {
  require(folder.file_config().labels == 1 && folder.has("score.weight"), folder.where(),
          ": is no reward model, expected a sequence classifier with one label and a tensor "
          "\"score.weight\"");
  model::Config config = folder.config();
  config.tied = true;
  check_fits(config, folder);
  return config;
}

template <class Decoder, class Parameter>
void load_scorer(const HfFolder& folder, Decoder& decoder, model::ScalarHead<Parameter>& head) {
  load(decoder, folder);
  std::vector<float> rows(static_cast<std::size_t>(head.weight.count()));
  folder.read("score.weight", head.weight.file_shape(), rows);
  head.weight.from_file(rows);
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
