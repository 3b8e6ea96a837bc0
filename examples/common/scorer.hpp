// A reward model as files: what transformers calls <Family>ForSequenceClassification with one
// label.
#pragma once

#include <string>
#include <vector>

#include "hone/checkpoint/hf_folder.hpp"
#include "hone/checkpoint/hf_folder_writer.hpp"
#include "hone/checkpoint/load_model.hpp"
#include "hone/model/scalar_head.hpp"
#include "models.hpp"

namespace examples {

using Head = hone::model::ScalarHead<hone::model::Parameter>;

// Weights of the backbone and the scalar head; a language-model head is left out.
template <class Decoder>
void save_scorer(const std::string& target, Decoder& decoder, const Head& head,
                 const hone::checkpoint::HfFolderOptions& options) {
  using namespace hone::checkpoint;
  const auto wanted = [](const std::string& name) { return name != "lm_head.weight"; };
  std::vector<ExpectedTensor> tensors;
  for (ExpectedTensor& t : expected_tensors(decoder))
    if (wanted(t.name)) tensors.push_back(std::move(t));
  tensors.push_back({.name = head.weight.name(), .shape = head.weight.file_shape()});
  HfFolderWriter writer(target, {.model = decoder.config(), .labels = 1}, tensors, options);
  std::vector<float> rows;
  const auto write = [&](const auto& p) {
    rows.resize(static_cast<std::size_t>(p.count()));
    p.to_file(rows);
    writer.write(p.name(), rows);
  };
  decoder.for_each_parameter([&](const auto& p) {
    if (wanted(p.name())) write(p);
  });
  write(head.weight);
  writer.commit();
}

// The config of a scorer's backbone, which has no language-model head of its own.
inline hone::model::Config scorer_config(const hone::checkpoint::HfFolder& folder) {
  hone::require(folder.file_config().labels == 1 && folder.has("score.weight"), folder.where(),
                ": is no reward model, expected a sequence classifier with one label and a tensor "
                "\"score.weight\"");
  hone::model::Config config = folder.config();
  config.tied = true;
  hone::checkpoint::check_fits(config, folder);
  return config;
}

template <class Decoder>
void load_scorer(const hone::checkpoint::HfFolder& folder, Decoder& decoder, Head& head) {
  hone::checkpoint::load(decoder, folder);
  std::vector<float> rows(static_cast<std::size_t>(head.weight.count()));
  folder.read("score.weight", head.weight.file_shape(), rows);
  head.weight.from_file(rows);
}

}  // namespace examples
