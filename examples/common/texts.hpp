// Files of records as token trees, the way a model reads them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "hone/data/batch.hpp"
#include "hone/data/fingerprint.hpp"
#include "hone/data/loader.hpp"
#include "hone/data/stage.hpp"
#include "hone/rollout/request.hpp"
#include "hone/text/tokenizer.hpp"
#include "settings.hpp"

namespace examples {

// Conversations go through a chat template, which writes its special tokens itself. Plain text
// stands between the begin and the end token; special tokens that it spells are mere text.
class Texts {
 public:
  Texts(hone::text::Tokenizer tokenizer, const TextSettings& settings);

  // The begin and end tokens of a stage are set here. Says what became of the records. Ids are made
  // other ones by the file's number, so that files which are mixed share none.
  hone::data::Store read(const std::string& path, hone::data::Demonstrations stage,
                         std::uint64_t number = 0) const;
  hone::data::Store read(const std::string& path, hone::data::Rankings stage,
                         std::uint64_t number = 0) const;
  hone::data::Store read(const std::string& path, hone::data::Prompts stage,
                         std::uint64_t number = 0) const;
  hone::data::Store read(const std::string& path, hone::data::Blocks stage,
                         std::uint64_t number = 0) const;

  // Several files, to be mixed by their weights.
  template <class Stage>
  std::vector<hone::data::Source> read(const std::vector<DataFile>& files, Stage stage) const {
    std::vector<hone::data::Source> out;
    for (const DataFile& f : files) out.push_back({read(f.path, stage, out.size()), f.weight});
    return out;
  }

  std::string decode(std::span<const hone::Token> tokens) const;
  const hone::text::Tokenizer& tokenizer() const { return tokenizer_; }
  hone::Token end() const { return end_; }

 private:
  template <class Stage>
  hone::data::Store prepare(const std::string& path, Stage stage, std::uint64_t number) const;
  template <class Stage>
  hone::data::Store made(const std::string& path, Stage stage, std::uint64_t number) const;

  hone::text::Tokenizer tokenizer_;
  hone::Token end_ = 0;
  TextSettings settings_;
  hone::data::Fingerprint identity_;  // of tokenizer and templates, for the cache
};

// The prompts of a batch, to be answered.
std::vector<hone::rollout::Request> requests(const hone::data::Batch& batch);

}  // namespace examples
