#include "texts.hpp"

#include <functional>
#include <iostream>
#include <string_view>
#include <utility>

#include "hone/data/format.hpp"
#include "hone/data/jsonl.hpp"
#include "hone/text/chat_template.hpp"

namespace examples {

namespace {

using namespace hone;

template <class Stage>
data::Store prepare(const text::Tokenizer& tokenizer, Token end, const std::string& path,
                    Stage stage) {
  const std::vector<data::Record> records = data::read_jsonl(path);
  bool conversation = false;
  for (const data::Record& r : records) {
    conversation |= r.prompt.conversation();
    for (const data::Answer& a : r.answers) conversation |= a.content.conversation();
  }
  using Chat = std::function<std::string(std::span<const Message>, bool)>;
  data::Format<Chat> format{.end_of_turn = tokenizer.spelling_of(end)};
  if (conversation) {
    format.chat = text::ChatTemplate::of(tokenizer);
  } else {
    if constexpr (requires { stage.begin; }) stage.begin = tokenizer.bos().value_or(data::no_token);
    if constexpr (requires { stage.end; }) stage.end = end;
  }
  const auto tokenize = [&](std::string_view text) {
    return tokenizer.encode(text, {.parse_special = conversation});
  };
  data::Store store = data::prepare(records, stage, format, tokenize);
  std::cerr << path << ": " << store.tally() << "\n";
  require(!store.empty(), path, ": holds no record that this program can use");
  return store;
}

}  // namespace

Texts::Texts(text::Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {
  require(tokenizer_.eos().has_value(), tokenizer_.source(),
          ": the tokenizer has no end token, expected eos_token");
  end_ = *tokenizer_.eos();
}

data::Store Texts::read(const std::string& path, data::Demonstrations stage) const {
  return prepare(tokenizer_, end_, path, stage);
}
data::Store Texts::read(const std::string& path, data::Rankings stage) const {
  return prepare(tokenizer_, end_, path, stage);
}
data::Store Texts::read(const std::string& path, data::Prompts stage) const {
  return prepare(tokenizer_, end_, path, stage);
}
data::Store Texts::read(const std::string& path, data::Blocks stage) const {
  return prepare(tokenizer_, end_, path, stage);
}

std::string Texts::decode(std::span<const Token> tokens) const {
  return tokenizer_.decode(tokens, {.skip_special = true});
}

std::vector<rollout::Request> requests(const data::Batch& batch) {
  std::vector<rollout::Request> out;
  for (const std::int32_t root : batch.forest.roots()) {
    const auto tokens = batch.forest.tokens(root);
    out.push_back({.prompt = {tokens.begin(), tokens.end()},
                   .id = batch.forest.segments()[static_cast<std::size_t>(root)].id});
  }
  return out;
}

}  // namespace examples
