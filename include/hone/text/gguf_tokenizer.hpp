// The tokenizer inside a GGUF file: its "tokenizer.*" values, taken out by whoever reads the file.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/tokenizer_parts.hpp"

namespace hone {
inline namespace v0 {
namespace text {

struct GgufTokenizer {
  std::string source;                     // the file, named in errors
  std::string model;                      // tokenizer.ggml.model
  std::string pre;                        // tokenizer.ggml.pre
  std::vector<std::string> tokens;        // tokenizer.ggml.tokens
  std::vector<std::int32_t> token_types;  // tokenizer.ggml.token_type
  std::vector<std::string> merges;        // tokenizer.ggml.merges, "left right"
  std::optional<std::int64_t> bos;        // tokenizer.ggml.bos_token_id
  std::optional<std::int64_t> eos;        // tokenizer.ggml.eos_token_id
  std::optional<std::int64_t> pad;        // tokenizer.ggml.padding_token_id
  std::optional<bool> add_bos;            // tokenizer.ggml.add_bos_token
  std::optional<bool> add_eos;            // tokenizer.ggml.add_eos_token
  std::string chat_template;              // tokenizer.chat_template
};

namespace detail {

// The file names its pre-tokenizer and does not spell it out.
inline void set_gguf_pre_tokenizer(const GgufTokenizer& gguf, TokenizerParts& parts) {
  const std::string& pre = gguf.pre;
  if (pre == "gpt-2" || pre == "phi-2") {
    parts.pre_tokenizers = {ByteLevel{}};
  } else if (pre == "smollm" || pre == "starcoder" || pre == "refact") {
    parts.pre_tokenizers = {Digits{true}, ByteLevel{}};
  } else if (pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3") {
    parts.pre_tokenizers = {Split{std::string(split_pattern::llama3)}, ByteLevel{false, false}};
    parts.bpe.ignore_merges = true;
  } else if (pre == "qwen2") {
    parts.normalizers = {NormalForm{NormalForm::nfc}};
    parts.pre_tokenizers = {Split{std::string(split_pattern::qwen2)}, ByteLevel{false, false}};
  } else {
    fail(gguf.source, ": tokenizer.ggml.pre is \"", pre,
         "\", expected gpt-2, phi-2, smollm, starcoder, refact, llama-bpe or qwen2");
  }
}

}  // namespace detail

inline TokenizerParts parts_of(GgufTokenizer gguf) {
  const std::string& source = gguf.source;
  require(gguf.model == "gpt2", source, ": tokenizer.ggml.model is \"", gguf.model,
          "\", expected \"gpt2\" (byte-level byte-pair encoding)");
  require(gguf.tokens.size() < std::numeric_limits<Token>::max(), source,
          ": tokenizer.ggml.tokens has ", gguf.tokens.size(), " entries");
  require(gguf.token_types.size() == gguf.tokens.size(), source, ": tokenizer.ggml.token_type has ",
          gguf.token_types.size(), " entries, expected ", gguf.tokens.size(), ", one per token");
  TokenizerParts parts;
  parts.source = source;
  detail::set_gguf_pre_tokenizer(gguf, parts);

  constexpr std::int32_t control = 3;
  constexpr std::int32_t user_defined = 4;
  const auto size = static_cast<std::int64_t>(gguf.tokens.size());
  std::vector<std::pair<Token, std::string>> tokens;
  tokens.reserve(gguf.tokens.size());
  for (std::size_t i = 0; i < gguf.tokens.size(); ++i) {
    const std::int32_t type = gguf.token_types[i];
    if (type == control || type == user_defined) {
      AddedToken token;
      token.id = static_cast<Token>(i);
      token.content = gguf.tokens[i];
      token.special = type == control;
      parts.added_tokens.push_back(token);
    }
    tokens.emplace_back(static_cast<Token>(i), std::move(gguf.tokens[i]));
  }
  parts.vocabulary =
      Vocabulary(std::move(tokens), Alphabet::bytes, size, source + ": tokenizer.ggml.tokens");
  for (std::size_t i = 0; i < gguf.merges.size(); ++i) {
    const std::string_view merge = gguf.merges[i];
    const auto where = [&] {
      return source + ": tokenizer.ggml.merges[" + std::to_string(i) + "]";
    };
    const std::size_t space = merge.find(' ');
    if (space == merge.npos)
      fail(where(), ": \"", merge, "\", expected two tokens with a space between them");
    detail::add_merge(parts, merge.substr(0, space), merge.substr(space + 1), where);
  }

  const auto token = [&](const char* name, std::optional<std::int64_t> id) -> std::optional<Token> {
    if (!id) return std::nullopt;
    require(*id >= 0 && *id < size, source, ": tokenizer.ggml.", name, "_token_id is ", *id,
            ", expected 0 to ", size - 1);
    return static_cast<Token>(*id);
  };
  parts.bos = token("bos", gguf.bos);
  parts.eos = token("eos", gguf.eos);
  parts.pad = token("padding", gguf.pad);
  // Llama 3 is the one family here whose texts begin with a token even if the file is silent.
  if (gguf.add_bos.value_or(gguf.pre.starts_with("llama")) && parts.bos)
    parts.prefix = {*parts.bos};
  if (gguf.add_eos.value_or(false) && parts.eos) parts.suffix = {*parts.eos};
  parts.chat_template = std::move(gguf.chat_template);
  return parts;
}

}  // namespace text
}  // namespace v0
}  // namespace hone
