// What stands beside a tokenizer in a model's folder: tokenizer_config.json, the older
// special_tokens_map.json and chat_template.jinja. They name the tokens that begin and end a text
// and the model's chat template.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "hone/core/error.hpp"
#include "hone/text/json_view.hpp"
#include "hone/text/tokenizer_parts.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace detail {

// A token's content, spelled "<s>" or {"content": "<s>", ...}.
inline std::string token_content(const JsonView& view) {
  return view.value().is_object() ? view["content"].string() : view.string();
}

inline void read_token_names(const JsonView& root, TokenizerParts& parts) {
  const auto read = [&](const char* name, std::optional<Token>& id) {
    const auto view = root.find(name);
    if (!view || id) return;
    const std::string content = token_content(*view);
    id = parts.find(content);
    if (!id) view->refuse("\"", content, "\" is no token of ", parts.source);
  };
  read("bos_token", parts.bos);
  read("eos_token", parts.eos);
  read("pad_token", parts.pad);
}

// A template, or the default one of a list of named ones.
inline std::string read_chat_template(const JsonView& view) {
  if (view.value().is_string()) return view.string();
  for (std::size_t i = 0; i < view.size(); ++i)
    if (view.element(i)["name"].string() == "default") return view.element(i)["template"].string();
  view.refuse("none of ", view.size(), " templates is named \"default\"");
}

}  // namespace detail

// The parsed file, or an empty object if there is none.
inline nlohmann::json read_tokenizer_config(const std::filesystem::path& folder) {
  const auto path = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(path)) return nlohmann::json::object();
  return parse_json(read_file(path), path.string());
}

inline void read_folder_settings(const std::filesystem::path& folder, TokenizerParts& parts) {
  const nlohmann::json config = read_tokenizer_config(folder);
  const JsonView root(config, (folder / "tokenizer_config.json").string());
  detail::read_token_names(root, parts);
  if (const auto map = folder / "special_tokens_map.json"; std::filesystem::exists(map)) {
    const nlohmann::json names = parse_json(read_file(map), map.string());
    detail::read_token_names(JsonView(names, map.string()), parts);
  }
  if (const auto jinja = folder / "chat_template.jinja"; std::filesystem::exists(jinja))
    parts.chat_template = read_file(jinja);
  else if (const auto view = root.find("chat_template"))
    parts.chat_template = detail::read_chat_template(*view);
}

inline std::string to_tokenizer_config(const TokenizerParts& parts) {
  nlohmann::ordered_json config;
  const auto name = [&](const char* key, std::optional<Token> id) {
    if (!id) return;
    config[key] = parts.vocabulary.spelling(*id);
    for (const AddedToken& token : parts.added_tokens)
      if (token.id == *id) config[key] = token.content;
  };
  config["tokenizer_class"] = "PreTrainedTokenizerFast";
  config["clean_up_tokenization_spaces"] = false;
  name("bos_token", parts.bos);
  name("eos_token", parts.eos);
  name("pad_token", parts.pad);
  if (!parts.chat_template.empty()) config["chat_template"] = parts.chat_template;
  return config.dump(2) + "\n";
}

}  // namespace text
}  // namespace v0
}  // namespace hone
