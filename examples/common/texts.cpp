#include "texts.hpp"

#include <functional>
#include <iostream>
#include <string_view>
#include <utility>

#include "chat.hpp"
#include "hone/core/random.hpp"
#include "hone/data/cache.hpp"
#include "hone/data/format.hpp"
#include "hone/data/jsonl.hpp"
#include "hone/text/tokenizer_json_writer.hpp"

namespace examples {

using namespace hone;

Texts::Texts(text::Tokenizer tokenizer, const TextSettings& settings)
    : tokenizer_(std::move(tokenizer)), settings_(settings) {
  require(tokenizer_.eos().has_value(), tokenizer_.source(),
          ": the tokenizer has no end token, expected eos_token");
  end_ = *tokenizer_.eos();
  if (settings_.cache.empty()) return;
  identity_.add("tokenizer", to_tokenizer_json(tokenizer_.parts()))
      .add("begin", tokenizer_.bos().value_or(data::no_token))
      .add("end", end_)
      .add("chat", tokenizer_.jinja_chat_template())
      .add("template", settings_.form);
}

template <class Stage>
data::Store Texts::made(const std::string& path, Stage stage, std::uint64_t number) const {
  std::vector<data::Record> records = data::read_jsonl(path);
  bool conversation = false;
  for (data::Record& r : records) {
    if (number > 0) r.id = mix(r.id, number);
    conversation |= r.prompt.conversation();
    for (const data::Answer& a : r.answers) conversation |= a.content.conversation();
  }
  using Chat = std::function<std::string(std::span<const Message>, bool)>;
  data::Format<Chat> format{.end_of_turn = tokenizer_.spelling_of(end_)};
  if (conversation) {
    format.chat = chat_template(settings_.form, tokenizer_);
  } else {
    if (settings_.form == "human-assistant") format.text = data::human_assistant();
    if constexpr (requires { stage.begin; })
      stage.begin = tokenizer_.bos().value_or(data::no_token);
    if constexpr (requires { stage.end; }) stage.end = end_;
  }
  const auto tokenize = [&](std::string_view text) {
    return tokenizer_.encode(text, {.parse_special = conversation});
  };
  return data::prepare(records, stage, format, tokenize);
}

template <class Stage>
data::Store Texts::prepare(const std::string& path, Stage stage, std::uint64_t number) const {
  const auto make = [&] { return made(path, stage, number); };
  const auto key = [&] {
    data::Fingerprint out = identity_;
    return out.add_file(path).add("number", number).add("stage", stage);
  };
  data::Store store = settings_.cache.empty() ? make() : data::cached(settings_.cache, key(), make);
  std::cerr << path << ": " << store.tally() << "\n";
  require(!store.empty(), path, ": holds no record that this program can use");
  return store;
}

data::Store Texts::read(const std::string& path, data::Demonstrations stage,
                        std::uint64_t number) const {
  return prepare(path, stage, number);
}
data::Store Texts::read(const std::string& path, data::Rankings stage, std::uint64_t number) const {
  return prepare(path, stage, number);
}
data::Store Texts::read(const std::string& path, data::Prompts stage, std::uint64_t number) const {
  return prepare(path, stage, number);
}
data::Store Texts::read(const std::string& path, data::Blocks stage, std::uint64_t number) const {
  return prepare(path, stage, number);
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
