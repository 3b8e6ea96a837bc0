// The older pair of files: vocab.json and merges.txt (encoder.json and vocab.bpe in OpenAI's own
// release of GPT-2). They hold the byte-pair encoding alone; what else a tokenizer is made of
// follows from the class that tokenizer_config.json names.
#pragma once

#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/json_view.hpp"
#include "hone/text/tokenizer_config.hpp"
#include "hone/text/tokenizer_json.hpp"
#include "hone/text/tokenizer_parts.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace detail {

// {"token": id, ...}
inline Vocabulary read_vocab_json(std::string_view content, const std::string& source) {
  const nlohmann::json json = parse_json(content, source);
  const JsonView root(json, source);
  return read_vocabulary(root, Alphabet::bytes, content.size());
}

// One merge a line; lines that begin with "#version" are none.
inline void read_merges_txt(std::string_view content, const std::string& source,
                            TokenizerParts& parts) {
  for (std::size_t line = 1; !content.empty(); ++line) {
    const std::size_t end = content.find('\n');
    std::string_view merge = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (merge.ends_with('\r')) merge.remove_suffix(1);
    if (merge.starts_with("#version")) continue;
    const std::size_t space = merge.find(' ');
    if (space == merge.npos || merge.find(' ', space + 1) != merge.npos)
      fail(source, ":", line, ": \"", merge, "\", expected two tokens with a space between them");
    add_merge(parts, merge.substr(0, space), merge.substr(space + 1),
              [&] { return source + ":" + std::to_string(line); });
  }
}

// The tokens that the settings name, added_tokens_decoder first: it alone knows their flags.
inline void collect_added_tokens(const JsonView& config, const JsonView& map, const JsonView& older,
                                 TokenizerParts& parts) {
  std::map<Token, AddedToken> added;
  std::set<std::string> contents;  // of those
  const auto add = [&](const AddedToken& token) {
    if (added.emplace(token.id, token).second) contents.insert(token.content);
  };
  const auto token_id = [](const JsonView& view) {
    return static_cast<Token>(view.integer(0, std::numeric_limits<Token>::max()));
  };
  std::vector<AddedToken> special;  // by name, the id still to be found
  for (const JsonView& names : {config, map}) {
    for (const char* name : {"bos_token", "eos_token", "unk_token", "pad_token", "sep_token",
                             "cls_token", "mask_token"})
      if (const auto view = names.find(name)) {
        AddedToken token;
        token.content = token_content(*view);
        if (view->value().is_object()) {
          token.single_word = view->boolean_or("single_word", false);
          token.lstrip = view->boolean_or("lstrip", false);
          token.rstrip = view->boolean_or("rstrip", false);
          token.normalized = view->boolean_or("normalized", false);
        }
        special.push_back(token);
      }
    if (const auto list = names.find("additional_special_tokens"))
      for (std::size_t i = 0; i < list->size(); ++i) {
        special.emplace_back();
        special.back().content = token_content(list->element(i));
      }
  }
  if (const auto decoder = config.find("added_tokens_decoder"))
    for (const auto& [key, value] : decoder->object().items()) {
      const JsonView view = (*decoder)[key];
      const bool is_id =
          !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == key.npos;
      if (!is_id) view.refuse("expected a token's id as the name");
      AddedToken token = read_added_token_flags(view);
      token.id = static_cast<Token>(std::stol(key));
      add(token);
    }
  std::set<std::string> special_contents;
  for (const AddedToken& token : special) special_contents.insert(token.content);
  for (const auto& [content, id] : older.object().items()) {
    AddedToken token;
    token.content = content;
    token.id = token_id(older[content]);
    token.special = special_contents.contains(content);
    add(token);
  }
  for (AddedToken& token : special) {
    if (contents.contains(token.content)) continue;
    const auto id = parts.vocabulary.of_spelling(token.content);
    if (!id)
      fail(config.file(), ": the special token \"", token.content, "\" is not in ", parts.source);
    token.id = *id;
    add(token);
  }
  for (const auto& [id, token] : added) parts.added_tokens.push_back(token);
}

}  // namespace detail

// The pair of files in a folder, or an empty pair.
inline std::pair<std::filesystem::path, std::filesystem::path> find_gpt2_files(
    const std::filesystem::path& folder) {
  for (const auto& [vocabulary, merges] :
       {std::pair{"vocab.json", "merges.txt"}, std::pair{"encoder.json", "vocab.bpe"}})
    if (std::filesystem::exists(folder / vocabulary) && std::filesystem::exists(folder / merges))
      return {folder / vocabulary, folder / merges};
  return {};
}

// What a folder's settings say of a tokenizer that has its vocabulary and its merges already.
inline void apply_gpt2_settings(const TokenizerSettings& settings, const SettingsFile& added_tokens,
                                TokenizerParts& parts) {
  const JsonView config = settings.config.view();
  std::string kind = config.string_or("tokenizer_class", "GPT2Tokenizer");
  if (kind.ends_with("Fast")) kind.resize(kind.size() - 4);
  const bool space = config.boolean_or("add_prefix_space", false);
  if (kind == "GPT2Tokenizer") {
    parts.pre_tokenizers = {ByteLevel{space, true, true}};
  } else if (kind == "Qwen2Tokenizer") {
    parts.normalizers = {NormalForm{NormalForm::nfc}};
    parts.pre_tokenizers = {Split{std::string(split_pattern::qwen2)},
                            ByteLevel{space, false, true}};
  } else {
    config["tokenizer_class"].refuse("\"", kind,
                                     "\" has no tokenizer.json beside it; from vocab.json "
                                     "and merges.txt hone reads GPT2Tokenizer and Qwen2Tokenizer");
  }
  detail::collect_added_tokens(config, settings.special_tokens.view(), added_tokens.view(), parts);
  apply_settings(settings, parts);

  // Both families end every text with one token, whether or not a file says so.
  constexpr const char* end_of_text = "<|endoftext|>";
  const auto end = parts.find(end_of_text);
  if (settings.config.value.empty() && settings.special_tokens.value.empty() && end) {
    if (parts.added_tokens.empty()) {
      parts.added_tokens.emplace_back();
      parts.added_tokens.back().id = *end;
      parts.added_tokens.back().content = end_of_text;
    }
    parts.bos = parts.eos = end;
  }
  if (config.boolean_or("add_bos_token", false) && parts.bos) parts.prefix = {*parts.bos};
  if (config.boolean_or("add_eos_token", false) && parts.eos) parts.suffix = {*parts.eos};
}

inline TokenizerParts read_gpt2_files(const std::filesystem::path& folder) {
  const auto [vocabulary, merges] = find_gpt2_files(folder);
  require(!vocabulary.empty(), folder.string(),
          ": neither vocab.json with merges.txt nor encoder.json with vocab.bpe is there");
  TokenizerParts parts;
  parts.source = vocabulary.string();
  parts.vocabulary = detail::read_vocab_json(read_file(vocabulary), parts.source);
  detail::read_merges_txt(read_file(merges), merges.string(), parts);
  apply_gpt2_settings(read_tokenizer_settings(folder),
                      read_settings_file(folder / "added_tokens.json"), parts);
  return parts;
}

}  // namespace text
}  // namespace v0
}  // namespace hone
