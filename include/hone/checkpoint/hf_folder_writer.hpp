// Writes a Hugging Face model folder that transformers loads.
//
//     HfFolderWriter folder("out", {.model = config}, tensors, {.tokenizer_from = "base"});
//     for (...) folder.write(name, values);
//     folder.commit();
//
// config.json, generation_config.json, model.safetensors (a tied head left out) and the tokenizer's
// files appear together or not at all.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "hone/checkpoint/atomic_file.hpp"
#include "hone/checkpoint/generation_config.hpp"
#include "hone/checkpoint/hf_config_write.hpp"
#include "hone/checkpoint/mapped_file.hpp"
#include "hone/checkpoint/safetensors_writer.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// Files that make up a tokenizer in a Hugging Face folder.
inline constexpr std::array<std::string_view, 9> tokenizer_files = {"tokenizer.json",
                                                                    "tokenizer_config.json",
                                                                    "special_tokens_map.json",
                                                                    "added_tokens.json",
                                                                    "vocab.json",
                                                                    "merges.txt",
                                                                    "tokenizer.model",
                                                                    "chat_template.jinja",
                                                                    "chat_template.json"};

struct HfFolderOptions {
  std::optional<GenerationConfig> generation = {};  // none: the special tokens of the Config
  std::filesystem::path tokenizer_from = {};        // folder whose tokenizer files are copied
  std::map<std::string, std::string> files = {};    // further files: name -> content
  bool overwrite = false;                           // replace a folder that holds a config.json
};

class HfFolderWriter {
 public:
  // `tensors` announces names and shapes in the family's names; numbers are stored as config.dtype.
  HfFolderWriter(const std::filesystem::path& target, const HfConfig& config,
                 std::span<const ExpectedTensor> tensors, const HfFolderOptions& options = {})
      : folder_(target, options.overwrite, "config.json"),
        weights_(folder_.path() / "model.safetensors", specs_of(config, tensors, skipped_)) {
    write_file(folder_.path() / "config.json", hf_config_text(config));
    GenerationConfig generation = options.generation.value_or(GenerationConfig{});
    if (generation.eos.empty())
      generation.eos = config.eos.empty() && config.model.eos >= 0
                           ? std::vector<std::int64_t>{config.model.eos}
                           : config.eos;
    if (generation.bos < 0) generation.bos = config.model.bos;
    if (generation.pad < 0) generation.pad = config.model.pad;
    write_file(folder_.path() / "generation_config.json", generation_config_text(generation));
    copy_tokenizer(options.tokenizer_from);
    for (const auto& [name, content] : options.files) {
      require(!name.empty() && name.find_first_of("/\\") == std::string::npos && name != "." &&
                  name != "..",
              target.string(), ": cannot hold a file called ", in_quotes(name));
      write_file(folder_.path() / name, content);
    }
  }

  // All numbers of a tensor, row-major, in the layout of the checkpoint. A tied head is passed
  // over.
  void write(std::string_view name, std::span<const float> values) {
    if (!skipped_.contains(name)) weights_.write(name, values);
  }

  void commit() {
    weights_.commit();
    folder_.commit();
  }

 private:
  static std::vector<TensorSpec> specs_of(const HfConfig& config,
                                          std::span<const ExpectedTensor> tensors,
                                          std::set<std::string, std::less<>>& skipped) {
    std::vector<TensorSpec> specs;
    for (const ExpectedTensor& t : tensors)
      if (config.model.tied && t.name == "lm_head.weight")
        skipped.insert(t.name);
      else
        specs.push_back({t.name, t.shape, config.dtype});
    return specs;
  }

  void copy_tokenizer(const std::filesystem::path& from) {
    if (from.empty()) return;
    std::error_code error;
    for (std::string_view name : tokenizer_files)
      if (std::filesystem::exists(from / name, error))
        write_file(folder_.path() / name, MappedFile(from / name).text());
  }

  AtomicFolder folder_;
  std::set<std::string, std::less<>> skipped_;
  SafetensorsWriter weights_;
};

// Copies every tensor of a source, one at a time: a GGUF file or another folder becomes a folder.
template <TensorSource Source>
void save_hf_folder(const std::filesystem::path& target, const HfConfig& config,
                    const Source& source, const HfFolderOptions& options = {}) {
  std::vector<ExpectedTensor> tensors;
  for (const std::string& name : source.names()) tensors.push_back({name, source.shape(name)});
  HfFolderWriter folder(target, config, tensors, options);
  std::vector<float> values;
  for (const ExpectedTensor& t : tensors) {
    values.resize(static_cast<std::size_t>(count_of(t.shape)));
    source.read(t.name, t.shape, values);
    folder.write(t.name, values);
  }
  folder.commit();
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
