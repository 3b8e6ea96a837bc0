// A rank file as tiktoken reads it: per line a token's bytes in base64 and its rank, which is its
// id. Two neighbours merge if their bytes together are a token; the lowest rank goes first. A piece
// that is a token needs no merges.
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/json_view.hpp"
#include "hone/text/tokenizer_parts.hpp"

namespace hone {
inline namespace v0 {
namespace text {

// What a rank file does not say; the defaults are Qwen's.
struct RankFileOptions {
  std::string pattern = std::string(split_pattern::qwen2);
  bool nfc = true;
  // These follow the ranks in this order.
  std::vector<std::string> special_tokens{"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  std::string bos;
  std::string eos = "<|endoftext|>";
};

namespace detail {

// False if `s` is not base64 with padding.
inline bool append_base64(std::string& out, std::string_view s) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (s.size() % 4 != 0) return false;
  for (std::size_t i = 0; i < s.size(); i += 4) {
    const bool last = i + 4 == s.size();
    const std::size_t padding = !last || s[i + 3] != '=' ? 0u : s[i + 2] != '=' ? 1u : 2u;
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const std::size_t six = k >= 4 - padding ? 0 : alphabet.find(s[i + k]);
      if (six == std::string_view::npos) return false;
      bits = bits << 6 | static_cast<std::uint32_t>(six);
    }
    for (std::size_t k = 0; k < 3 - padding; ++k)
      out.push_back(static_cast<char>(bits >> (16 - 8 * k) & 0xFF));
  }
  return true;
}

}  // namespace detail

// `source` is named in errors.
inline TokenizerParts parse_rank_file(std::string_view content, const std::string& source,
                                      const RankFileOptions& options = {}) {
  TokenizerParts parts;
  parts.source = source;
  const auto limit = static_cast<std::int64_t>(
      std::min<std::size_t>(content.size(), std::numeric_limits<Token>::max()));
  std::vector<std::pair<Token, std::string>> tokens;
  for (std::size_t line = 1; !content.empty(); ++line) {
    const std::size_t end = content.find('\n');
    std::string_view entry = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (entry.ends_with('\r')) entry.remove_suffix(1);
    if (entry.empty()) continue;
    const std::size_t space = entry.find(' ');
    std::string bytes;
    Token rank = -1;
    bool good =
        space != 0 && space != entry.npos && detail::append_base64(bytes, entry.substr(0, space));
    if (good) {
      const std::string_view digits = entry.substr(space + 1);
      const auto [stop, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), rank);
      good = error == std::errc{} && stop == digits.data() + digits.size();
    }
    if (!good)
      fail(source, ":", line, ": \"", entry.substr(0, 80), "\", expected base64, a space, a rank");
    tokens.emplace_back(rank, spell(bytes));
  }
  parts.vocabulary = Vocabulary(std::move(tokens), Alphabet::bytes, limit, source);
  const Vocabulary& vocabulary = parts.vocabulary;
  for (Token id = 0; id < vocabulary.end(); ++id) {
    const std::string_view bytes = vocabulary.bytes(id);
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const auto left = vocabulary.of_bytes(bytes.substr(0, cut));
      if (!left) continue;
      const auto right = vocabulary.of_bytes(bytes.substr(cut));
      if (right) parts.merges.push_back({*left, *right, id, id});
    }
  }
  parts.bpe.ignore_merges = true;
  if (options.nfc) parts.normalizers = {NormalForm{NormalForm::nfc}};
  parts.pre_tokenizers = {Split{options.pattern}, ByteLevel{false, false, true}};
  Token next = vocabulary.end();
  for (const std::string& content_of : options.special_tokens) {
    parts.added_tokens.emplace_back();
    parts.added_tokens.back().id = next++;
    parts.added_tokens.back().content = content_of;
  }
  const auto named = [&](const std::string& name) -> std::optional<Token> {
    if (name.empty()) return std::nullopt;
    const auto id = parts.find(name);
    require(id.has_value(), source, ": \"", name, "\" is no token");
    return id;
  };
  parts.bos = named(options.bos);
  parts.eos = named(options.eos);
  return parts;
}

inline TokenizerParts read_rank_file(const std::filesystem::path& path,
                                     const RankFileOptions& options = {}) {
  return parse_rank_file(read_file(path), path.string(), options);
}

}  // namespace text
}  // namespace v0
}  // namespace hone
