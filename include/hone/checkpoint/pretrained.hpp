// A pretrained model with its tokenizer, from a Hugging Face folder or a GGUF file.
//
//   checkpoint::Pretrained source{"SmolLM2-135M-Instruct.Q4_1.gguf"};
//   const text::Tokenizer tokenizer = source.tokenizer();
//   model::visit_family(source.config().family, [&](auto family) {
//     model::Decoder<decltype(family)> decoder{source.config()};
//     source.load(decoder);
//     ...
//   });
#pragma once

#include <filesystem>
#include <variant>
#include <vector>

#include "hone/checkpoint/gguf_model.hpp"
#include "hone/checkpoint/gguf_tokenizer.hpp"
#include "hone/checkpoint/hf_folder.hpp"
#include "hone/checkpoint/load_model.hpp"
#include "hone/text/tokenizer.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

class Pretrained {
 public:
  // Throws unless the weights are those of a model of config().
  explicit Pretrained(const std::filesystem::path& path) : source_(open(path)) {
    std::visit([](const auto& s) { check_fits(s.config(), s); }, source_);
  }

  const model::Config& config() const {
    return std::visit([](const auto& s) -> const model::Config& { return s.config(); }, source_);
  }

  bool is_gguf() const { return std::holds_alternative<GgufModel>(source_); }

  template <class Decoder>
  void load(Decoder& decoder) const {
    std::visit([&](const auto& s) { checkpoint::load(decoder, s); }, source_);
  }

  text::Tokenizer tokenizer() const {
    if (const auto* folder = std::get_if<HfFolder>(&source_))
      return text::Tokenizer::load(folder->path());
    return text::Tokenizer::from_gguf(gguf_tokenizer(std::get<GgufModel>(source_).file()));
  }

  // The ids that end an answer: all that generation_config.json names, or the file's own one.
  std::vector<Token> stop_tokens() const {
    std::vector<Token> out;
    if (const auto* folder = std::get_if<HfFolder>(&source_))
      for (const auto id : folder->generation().eos) out.push_back(static_cast<Token>(id));
    else if (config().eos >= 0)
      out.push_back(static_cast<Token>(config().eos));
    return out;
  }

 private:
  using Source = std::variant<HfFolder, GgufModel>;

  static Source open(const std::filesystem::path& path) {
    if (std::filesystem::is_directory(path)) return Source(std::in_place_type<HfFolder>, path);
    require(std::filesystem::exists(path), path.string(),
            ": does not exist, expected a Hugging Face folder or a .gguf file");
    return Source(std::in_place_type<GgufModel>, path);
  }

  Source source_;
};

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
