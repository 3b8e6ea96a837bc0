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

// A settings file, parsed; an object without members stands for a file that is not there.
struct SettingsFile {
  std::string name;  // in errors
  nlohmann::json value = nlohmann::json::object();
  JsonView view() const { return {value, name}; }
};

inline SettingsFile read_settings_file(const std::filesystem::path& path) {
  SettingsFile file{path.string()};
  if (std::filesystem::exists(path)) file.value = parse_json(read_file(path), file.name);
  return file;
}

struct TokenizerSettings {
  SettingsFile config;                       // tokenizer_config.json
  SettingsFile special_tokens;               // special_tokens_map.json
  std::optional<std::string> chat_template;  // chat_template.jinja, before that of the config
};

inline TokenizerSettings read_tokenizer_settings(const std::filesystem::path& folder) {
  TokenizerSettings settings{
      .config = read_settings_file(folder / "tokenizer_config.json"),
      .special_tokens = read_settings_file(folder / "special_tokens_map.json")};
  if (const auto jinja = folder / "chat_template.jinja"; std::filesystem::exists(jinja))
    settings.chat_template = read_file(jinja);
  return settings;
}

inline void apply_settings(const TokenizerSettings& settings, TokenizerParts& parts) {
  const JsonView root = settings.config.view();
  detail::read_token_names(root, parts);
  detail::read_token_names(settings.special_tokens.view(), parts);
  if (settings.chat_template)
    parts.chat_template = *settings.chat_template;
  else if (const auto view = root.find("chat_template"))
    parts.chat_template = detail::read_chat_template(*view);
}

inline void read_folder_settings(const std::filesystem::path& folder, TokenizerParts& parts) {
  apply_settings(read_tokenizer_settings(folder), parts);
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
