// Files of records as token trees, the way a model reads them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hone/data/batch.hpp"
#include "hone/data/stage.hpp"
#include "hone/rollout/request.hpp"
#include "hone/text/tokenizer.hpp"

namespace examples {

// Conversations go through the model's chat template, which writes its special tokens itself. Plain
// text stands between the begin and the end token; special tokens that it spells are mere text.
class Texts {
 public:
  explicit Texts(hone::text::Tokenizer tokenizer);

  // The begin and end tokens of a stage are set here. Says what became of the records.
  hone::data::Store read(const std::string& path, hone::data::Demonstrations stage) const;
  hone::data::Store read(const std::string& path, hone::data::Rankings stage) const;
  hone::data::Store read(const std::string& path, hone::data::Prompts stage) const;
  hone::data::Store read(const std::string& path, hone::data::Blocks stage) const;

  std::string decode(std::span<const hone::Token> tokens) const;
  const hone::text::Tokenizer& tokenizer() const { return tokenizer_; }
  hone::Token end() const { return end_; }

 private:
  hone::text::Tokenizer tokenizer_;
  hone::Token end_ = 0;
};

// The prompts of a batch, to be answered.
std::vector<hone::rollout::Request> requests(const hone::data::Batch& batch);

}  // namespace examples
