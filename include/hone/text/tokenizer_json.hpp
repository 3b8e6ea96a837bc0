// tokenizer.json of the tokenizers package: reading what byte-pair encoding needs of it, and
// writing.
//
// "truncation" and "padding" are not read: hone cuts and pads nothing behind one's back.
#pragma once

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
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
namespace detail {

// The members of nested "Sequence"s, one after the other.
inline std::vector<JsonView> flatten(const std::optional<JsonView>& part, const char* members) {
  std::vector<JsonView> flat;
  if (!part) return flat;
  std::vector<JsonView> open{*part};
  while (!open.empty()) {
    const JsonView view = open.back();
    open.pop_back();
    if (view["type"].string() != "Sequence") {
      flat.push_back(view);
      continue;
    }
    const JsonView list = view[members];
    for (std::size_t i = list.size(); i-- > 0;) open.push_back(list.element(i));
  }
  return flat;
}

inline SplitBehavior split_behavior(const JsonView& view) {
  static const std::map<std::string, SplitBehavior, std::less<>> names{
      {"Removed", SplitBehavior::removed},
      {"Isolated", SplitBehavior::isolated},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous}};
  const auto found = names.find(view.string());
  if (found == names.end()) view.refuse("\"", view.string(), "\" is no way to split");
  return found->second;
}

inline const char* behavior_name(SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::removed:
      return "Removed";
    case SplitBehavior::isolated:
      return "Isolated";
    case SplitBehavior::merged_with_previous:
      return "MergedWithPrevious";
    case SplitBehavior::merged_with_next:
      return "MergedWithNext";
    case SplitBehavior::contiguous:
      break;
  }
  return "Contiguous";
}

inline Normalizer read_normalizer(const JsonView& view) {
  const std::string& type = view["type"].string();
  if (type == "NFC") return NormalForm{NormalForm::nfc};
  if (type == "NFD") return NormalForm{NormalForm::nfd};
  if (type == "NFKC") return NormalForm{NormalForm::nfkc};
  if (type == "NFKD") return NormalForm{NormalForm::nfkd};
  if (type == "Prepend") return Prepend{view["prepend"].string()};
  if (type == "Replace") {
    const auto from = view["pattern"].find("String");
    if (!from || from->string().empty()) view.refuse("hone replaces strings, not expressions");
    return Replace{from->string(), view["content"].string()};
  }
  view.refuse("normalizer \"", type,
              "\" is not among NFC, NFD, NFKC, NFKD, Prepend, Replace and "
              "Sequence");
}

inline PreTokenizer read_pre_tokenizer(const JsonView& view) {
  const std::string& type = view["type"].string();
  if (type == "ByteLevel")
    return ByteLevel{view["add_prefix_space"].boolean(), view.boolean_or("use_regex", true),
                     view.boolean_or("trim_offsets", true)};
  if (type == "Split") {
    const JsonView pattern = view["pattern"];
    const auto literal = pattern.find("String");
    return Split{literal ? literal->string() : pattern["Regex"].string(), literal.has_value(),
                 split_behavior(view["behavior"]), view.boolean_or("invert", false)};
  }
  if (type == "Digits") return Digits{view["individual_digits"].boolean()};
  if (type == "Punctuation") {
    const auto behavior = view.find("behavior");
    return Punctuation{behavior ? split_behavior(*behavior) : SplitBehavior::isolated};
  }
  if (type == "Metaspace") {
    Metaspace spaces;
    spaces.replacement = view["replacement"].string();
    const std::string scheme = view.string_or(
        "prepend_scheme", view.boolean_or("add_prefix_space", true) ? "always" : "never");
    if (scheme != "always" && scheme != "never" && scheme != "first")
      view["prepend_scheme"].refuse("\"", scheme, "\", expected always, never or first");
    spaces.prepend = scheme == "always"  ? Metaspace::always
                     : scheme == "never" ? Metaspace::never
                                         : Metaspace::first;
    spaces.split = view.boolean_or("split", true);
    return spaces;
  }
  view.refuse("pre_tokenizer \"", type,
              "\" is not among ByteLevel, Split, Digits, Punctuation, "
              "Metaspace and Sequence");
}

inline void read_decoder(const JsonView& root, TokenizerParts& parts) {
  for (const JsonView& view : flatten(root.find("decoder"), "decoders")) {
    const std::string& type = view["type"].string();
    const bool bytes = parts.vocabulary.alphabet() == Alphabet::bytes;
    if (bytes && type == "ByteLevel") continue;
    if (bytes)
      view.refuse("decoder \"", type, "\" with a ByteLevel pre_tokenizer, expected ByteLevel");
    if (type == "ByteFallback" || type == "Fuse") continue;
    if (type == "Replace") {
      const auto from = view["pattern"].find("String");
      if (!from || from->string().empty() || view["content"].string() != " ")
        view.refuse("hone replaces a mark by a space");
      parts.space_mark = from->string();
    } else if (type == "Strip") {
      if (view["content"].string() != " " || view["start"].integer(0, 1 << 20) > 1 ||
          view["stop"].integer(0, 1 << 20) != 0)
        view.refuse("hone strips at most one space, at the beginning");
      parts.strip_leading_space = view["start"].integer(0, 1) == 1;
    } else if (type == "Metaspace") {
      const auto spaces = std::get<Metaspace>(read_pre_tokenizer(view));
      parts.space_mark = spaces.replacement;
      parts.strip_leading_space = spaces.prepend != Metaspace::never;
    } else {
      view.refuse("decoder \"", type,
                  "\" is not among ByteLevel, ByteFallback, Fuse, Replace, "
                  "Strip, Metaspace and Sequence");
    }
  }
}

inline void read_post_processor(const JsonView& root, TokenizerParts& parts) {
  const auto token = [&](const JsonView& id) {
    const auto end = std::numeric_limits<Token>::max();
    return static_cast<Token>(id.integer(0, end));
  };
  for (const JsonView& view : flatten(root.find("post_processor"), "processors")) {
    const std::string& type = view["type"].string();
    std::vector<Token> before;
    std::vector<Token> after;
    if (type == "ByteLevel") {
      continue;
    } else if (type == "RobertaProcessing" || type == "BertProcessing") {
      before.push_back(token(view["cls"].element(1)));
      after.push_back(token(view["sep"].element(1)));
    } else if (type == "TemplateProcessing") {
      const JsonView single = view["single"];
      bool seen = false;
      for (std::size_t i = 0; i < single.size(); ++i) {
        const JsonView piece = single.element(i);
        if (piece.find("Sequence")) {
          if (seen) piece.refuse("the text occurs twice in the template");
          seen = true;
          continue;
        }
        const std::string& name = piece["SpecialToken"]["id"].string();
        const JsonView ids = view["special_tokens"][name]["ids"];
        for (std::size_t k = 0; k < ids.size(); ++k)
          (seen ? after : before).push_back(token(ids.element(k)));
      }
      if (!seen) single.refuse("the text does not occur in the template");
    } else {
      view.refuse("post_processor \"", type,
                  "\" is not among ByteLevel, TemplateProcessing, "
                  "RobertaProcessing, BertProcessing and Sequence");
    }
    parts.prefix.insert(parts.prefix.begin(), before.begin(), before.end());
    parts.suffix.insert(parts.suffix.end(), after.begin(), after.end());
  }
}

// {"token": id, ...} in a file of `file_size` bytes.
inline Vocabulary read_vocabulary(const JsonView& view, Alphabet alphabet, std::size_t file_size) {
  std::vector<std::pair<Token, std::string>> tokens;
  tokens.reserve(view.object().size());
  // Each token takes more than a byte of the file, so an id beyond its size is a broken one.
  const auto limit = static_cast<std::int64_t>(
      std::min<std::size_t>(file_size, std::numeric_limits<Token>::max()));
  for (const auto& [spelling, id] : view.object().items()) {
    if (!id.is_number_integer() || id < 0 || id >= limit)
      view.refuse("token \"", spelling, "\" has id ", detail::brief(id), ", expected 0 to ",
                  limit - 1);
    tokens.emplace_back(id.get<Token>(), spelling);
  }
  return Vocabulary(std::move(tokens), alphabet, limit, view.where());
}

// Vocabulary and merges, "a b" or ["a", "b"].
inline void read_bpe_model(const JsonView& model, Alphabet alphabet, std::size_t file_size,
                           TokenizerParts& parts) {
  if (const auto type = model.find("type"); type && type->string() != "BPE")
    type->refuse("\"", type->string(), "\", hone reads BPE models only");
  if (const auto dropout = model.find("dropout"); dropout && dropout->value() != 0)
    dropout->refuse("merges are dropped at random (", detail::brief(dropout->value()),
                    "), hone encodes the same way every time");
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!model.string_or(affix, "").empty()) model[affix].refuse("is not supported");

  parts.vocabulary = read_vocabulary(model["vocab"], alphabet, file_size);

  const JsonView merges = model["merges"];
  parts.merges.reserve(merges.size());
  std::string joined;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const nlohmann::json& merge = merges.array()[i];
    std::string_view left;
    std::string_view right;
    if (merge.is_string()) {
      const std::string_view both = merge.get_ref<const std::string&>();
      const std::size_t space = both.find(' ');
      if (space == both.npos || both.find(' ', space + 1) != both.npos)
        merges.element(i).refuse("\"", both, "\", expected two tokens with a space between them");
      left = both.substr(0, space);
      right = both.substr(space + 1);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      left = merge[0].get_ref<const std::string&>();
      right = merge[1].get_ref<const std::string&>();
    } else {
      merges.element(i).refuse("expected \"left right\" or [\"left\", \"right\"]");
    }
    add_merge(parts, left, right, [&] { return merges.element(i).where(); });
  }

  parts.bpe.ignore_merges = model.boolean_or("ignore_merges", false);
  parts.bpe.byte_fallback = model.boolean_or("byte_fallback", false);
  parts.bpe.fuse_unknown = model.boolean_or("fuse_unk", false);
  if (parts.bpe.byte_fallback && alphabet == Alphabet::bytes)
    model["byte_fallback"].refuse(
        "is true with a ByteLevel pre_tokenizer, where every byte has "
        "a spelling already");
  if (const auto unknown = model.find("unk_token")) {
    parts.bpe.unknown = parts.vocabulary.of_spelling(unknown->string());
    if (!parts.bpe.unknown) unknown->refuse("\"", unknown->string(), "\" is not in the vocabulary");
  }
}

inline AddedToken read_added_token_flags(const JsonView& view) {
  AddedToken token;
  token.content = view["content"].string();
  token.single_word = view.boolean_or("single_word", false);
  token.lstrip = view.boolean_or("lstrip", false);
  token.rstrip = view.boolean_or("rstrip", false);
  token.special = view.boolean_or("special", false);
  token.normalized = view.boolean_or("normalized", !token.special);
  return token;
}

inline AddedToken read_added_token(const JsonView& view) {
  AddedToken token = read_added_token_flags(view);
  token.id = static_cast<Token>(view["id"].integer(0, std::numeric_limits<Token>::max()));
  return token;
}

}  // namespace detail

// `source` is named in errors.
inline TokenizerParts parse_tokenizer_json(std::string_view content, const std::string& source) {
  const nlohmann::json json = parse_json(content, source);
  const JsonView root(json, source);
  TokenizerParts parts;
  parts.source = source;
  root.object();
  if (const auto version = root.find("version"); version && version->string() != "1.0")
    version->refuse("\"", version->string(), "\", expected \"1.0\"");
  for (const JsonView& view : detail::flatten(root.find("normalizer"), "normalizers"))
    parts.normalizers.push_back(detail::read_normalizer(view));
  Alphabet alphabet = Alphabet::characters;
  for (const JsonView& view : detail::flatten(root.find("pre_tokenizer"), "pretokenizers")) {
    parts.pre_tokenizers.push_back(detail::read_pre_tokenizer(view));
    if (std::holds_alternative<ByteLevel>(parts.pre_tokenizers.back())) alphabet = Alphabet::bytes;
  }
  detail::read_bpe_model(root["model"], alphabet, content.size(), parts);
  detail::read_decoder(root, parts);
  if (const auto added = root.find("added_tokens"))
    for (std::size_t i = 0; i < added->size(); ++i)
      parts.added_tokens.push_back(detail::read_added_token(added->element(i)));
  detail::read_post_processor(root, parts);
  return parts;
}

}  // namespace text
}  // namespace v0
}  // namespace hone
