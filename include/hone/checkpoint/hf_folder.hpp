// A Hugging Face model folder, opened: its Config and its tensors under the family's own names.
//
//     HfFolder folder("SmolLM2-135M");
//     auto shape = folder.shape("model.embed_tokens.weight");
//
// Checkpoints differ in what stands before a name: a bare GPT-2 has "h.0.", its language model
// "transformer.h.0."; OPT has "decoder." or "model.decoder."; wrappers add a prefix of their own.
// All of it is mapped to the names in model/family.hpp. Buffers that old versions stored are
// dropped. A tied head follows what is stored: a copy of the embedding is dropped, a head that
// differs from it makes the model untied (as transformers does), a head alone stands for both.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "hone/checkpoint/generation_config.hpp"
#include "hone/checkpoint/hf_config.hpp"
#include "hone/checkpoint/tensor_files.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"
#include "hone/model/config.hpp"
#include "hone/model/family.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

class HfFolder {
 public:
  explicit HfFolder(const std::filesystem::path& folder)
      : path_(folder), config_(read_hf_config(folder / "config.json")), files_(folder) {
    std::error_code error;
    if (const auto file = folder / "generation_config.json"; std::filesystem::exists(file, error))
      generation_ = read_generation_config(file);
    if (generation_.eos.empty()) generation_.eos = config_.eos;
    if (generation_.bos < 0) generation_.bos = config_.model.bos;
    if (generation_.pad < 0) generation_.pad = config_.model.pad;
    find_prefixes();
    settle_head();
    for (const std::string& name : files_.names()) {
      const bool head_copy = config_.model.tied && name == to_file(head());
      if (!is_buffer(name) && !head_copy) names_.push_back(to_model(name));
    }
    if (embedding_in_head_) names_.push_back(embedding());
  }

  const std::filesystem::path& path() const { return path_; }
  const model::Config& config() const { return config_.model; }
  const HfConfig& file_config() const { return config_; }
  const GenerationConfig& generation() const { return generation_; }

  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const { return files_.has(to_file(name)); }
  const TensorInfo& info(std::string_view name) const { return files_.info(to_file(name)); }
  const Shape& shape(std::string_view name) const { return files_.shape(to_file(name)); }
  std::string_view where() const { return files_.where(); }
  void check_readable(std::string_view name) const { files_.check_readable(to_file(name)); }
  void read(std::string_view name, std::span<const std::int64_t> expected,
            std::span<float> out) const {
    files_.read(to_file(name), expected, out);
  }

  // Throws unless the folder holds just these tensors, and perhaps heads that are not asked for.
  void check(std::span<const ExpectedTensor> expected) const {
    check_tensors(*this, expected, is_head);
  }

 private:
  static std::string embedding_name(model::FamilyId id) {
    return model::visit_family(
        id, [](auto family) { return std::string(family.traits.names.embedding) + ".weight"; });
  }
  static std::string head() { return "lm_head.weight"; }
  std::string embedding() const { return embedding_name(config_.model.family); }

  // What stands before the embedding's last name is the backbone's prefix in this checkpoint.
  void find_prefixes() {
    const std::string full = embedding();
    const std::size_t leaf_at = full.rfind('.', full.size() - 8) + 1;  // before "x.weight"
    model_prefix_ = full.substr(0, leaf_at);
    const std::string leaf = full.substr(leaf_at);
    std::vector<std::string> found;
    for (const std::string& name : files_.names())
      if (name == leaf || name.ends_with("." + leaf))
        found.push_back(name.substr(0, name.size() - leaf.size()));
    if (std::find(found.begin(), found.end(), model_prefix_) != found.end())
      found = {model_prefix_};
    require(found.size() <= 1, where(), ": holds several models: ", found.size(),
            " tensors end in ", in_quotes(leaf));
    if (found.empty()) {
      embedding_in_head_ = config_.model.tied && files_.has(head());
      require(embedding_in_head_, where(), ": tensor ", in_quotes(full), " is missing");
      const auto& names = files_.names();
      const bool prefixed = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return name.starts_with(model_prefix_);
      });
      found = {prefixed ? model_prefix_ : ""};
    }
    file_prefix_ = found.front();
    if (("." + file_prefix_).ends_with("." + model_prefix_))
      outer_prefix_ = file_prefix_.substr(0, file_prefix_.size() - model_prefix_.size());
  }

  void settle_head() {
    if (!config_.model.tied || embedding_in_head_ || !files_.has(to_file(head()))) return;
    const auto a = files_.bytes(to_file(embedding()));
    const auto b = files_.bytes(to_file(head()));
    config_.model.tied =
        files_.info(to_file(head())).dtype == files_.info(to_file(embedding())).dtype &&
        std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

  std::string to_file(std::string_view name) const {
    if (embedding_in_head_ && name == embedding()) return head();
    if (name.starts_with(model_prefix_) && !is_head(name))
      return file_prefix_ + std::string(name.substr(model_prefix_.size()));
    return outer_prefix_ + std::string(name);
  }

  std::string to_model(std::string_view name) const {
    const std::string_view inner =
        name.starts_with(outer_prefix_) ? name.substr(outer_prefix_.size()) : name;
    if (is_head(inner)) return std::string(inner);
    if (name.starts_with(file_prefix_))
      return model_prefix_ + std::string(name.substr(file_prefix_.size()));
    return std::string(name);
  }

  std::filesystem::path path_;
  HfConfig config_;
  GenerationConfig generation_;
  TensorFiles files_;
  std::string model_prefix_;  // of the backbone, in hone: "model."
  std::string file_prefix_;   // of the backbone, in the files
  std::string outer_prefix_;  // of a wrapper around backbone and heads, in the files
  bool embedding_in_head_ = false;
  std::vector<std::string> names_;
};

static_assert(TensorSource<HfFolder>);

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
