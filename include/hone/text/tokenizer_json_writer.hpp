// Writes tokenizer.json: the tokenizers package loads it and gives the same ids.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/json_view.hpp"
#include "hone/text/tokenizer_json.hpp"
#include "hone/text/tokenizer_parts.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace detail {

using OrderedJson = nlohmann::ordered_json;

inline OrderedJson byte_level_json(const ByteLevel& step) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", step.add_prefix_space},
          {"trim_offsets", step.trim_offsets},
          {"use_regex", step.use_regex}};
}

inline OrderedJson metaspace_json(const Metaspace& step) {
  return {{"type", "Metaspace"},
          {"replacement", step.replacement},
          {"prepend_scheme", step.prepend == Metaspace::always  ? "always"
                             : step.prepend == Metaspace::never ? "never"
                                                                : "first"},
          {"split", step.split}};
}

inline OrderedJson to_json(const Normalizer& normalizer) {
  if (const auto* form = std::get_if<NormalForm>(&normalizer)) {
    constexpr const char* names[] = {"NFC", "NFD", "NFKC", "NFKD"};
    return {{"type", names[form->form]}};
  }
  if (const auto* prepend = std::get_if<Prepend>(&normalizer))
    return {{"type", "Prepend"}, {"prepend", prepend->prefix}};
  const auto& replace = std::get<Replace>(normalizer);
  return {{"type", "Replace"}, {"pattern", {{"String", replace.from}}}, {"content", replace.to}};
}

inline OrderedJson to_json(const PreTokenizer& step) {
  if (const auto* bytes = std::get_if<ByteLevel>(&step)) return byte_level_json(*bytes);
  if (const auto* spaces = std::get_if<Metaspace>(&step)) return metaspace_json(*spaces);
  if (const auto* digits = std::get_if<Digits>(&step))
    return {{"type", "Digits"}, {"individual_digits", digits->individual}};
  if (const auto* punctuation = std::get_if<Punctuation>(&step))
    return {{"type", "Punctuation"}, {"behavior", behavior_name(punctuation->behavior)}};
  const auto& split = std::get<Split>(step);
  return {{"type", "Split"},
          {"pattern", {{split.is_literal ? "String" : "Regex", split.pattern}}},
          {"behavior", behavior_name(split.behavior)},
          {"invert", split.invert}};
}

// null, the only part, or a "Sequence" of them.
inline OrderedJson sequence(std::vector<OrderedJson> parts, const char* members) {
  if (parts.empty()) return nullptr;
  if (parts.size() == 1) return parts.front();
  return {{"type", "Sequence"}, {members, parts}};
}

template <class Part>
OrderedJson sequence_of(const std::vector<Part>& parts, const char* members) {
  std::vector<OrderedJson> written;
  for (const Part& part : parts) written.push_back(to_json(part));
  return sequence(std::move(written), members);
}

inline OrderedJson decoder_json(const TokenizerParts& parts) {
  if (parts.vocabulary.alphabet() == Alphabet::bytes) return byte_level_json({true, true, true});
  std::vector<OrderedJson> steps;
  if (!parts.space_mark.empty())
    steps.push_back(
        {{"type", "Replace"}, {"pattern", {{"String", parts.space_mark}}}, {"content", " "}});
  if (parts.bpe.byte_fallback) steps.push_back({{"type", "ByteFallback"}});
  steps.push_back({{"type", "Fuse"}});
  if (parts.strip_leading_space)
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return sequence(std::move(steps), "decoders");
}

inline std::string written_name(const TokenizerParts& parts, Token id) {
  for (const AddedToken& token : parts.added_tokens)
    if (token.id == id) return token.content;
  return parts.vocabulary.spelling(id);
}

inline OrderedJson post_processor_json(const TokenizerParts& parts) {
  if (parts.prefix.empty() && parts.suffix.empty())
    return parts.vocabulary.alphabet() == Alphabet::bytes ? byte_level_json({true, true, false})
                                                          : OrderedJson(nullptr);
  OrderedJson single = OrderedJson::array();
  OrderedJson pair = OrderedJson::array();
  OrderedJson special = OrderedJson::object();
  const auto put = [&](OrderedJson& list, const std::vector<Token>& ids, int type) {
    for (const Token id : ids) {
      const std::string name = written_name(parts, id);
      list.push_back({{"SpecialToken", {{"id", name}, {"type_id", type}}}});
      special[name] = {
          {"id", name}, {"ids", OrderedJson::array({id})}, {"tokens", OrderedJson::array({name})}};
    }
  };
  const auto put_text = [](OrderedJson& list, const char* name, int type) {
    list.push_back({{"Sequence", {{"id", name}, {"type_id", type}}}});
  };
  put(single, parts.prefix, 0);
  put_text(single, "A", 0);
  put(single, parts.suffix, 0);
  pair = single;
  put(pair, parts.prefix, 1);
  put_text(pair, "B", 1);
  put(pair, parts.suffix, 1);
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", special}};
}

inline OrderedJson to_json(const AddedToken& token) {
  return {{"id", token.id},          {"content", token.content}, {"single_word", token.single_word},
          {"lstrip", token.lstrip},  {"rstrip", token.rstrip},   {"normalized", token.normalized},
          {"special", token.special}};
}

inline std::string quoted(const std::string& s) { return nlohmann::json(s).dump(); }

// One token, one merge a line: vocabularies are long.
inline void append_bpe_model(std::string& out, const TokenizerParts& parts) {
  const Vocabulary& vocabulary = parts.vocabulary;
  const auto flag = [](bool b) { return b ? "true" : "false"; };
  out += "{\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": ";
  out += parts.bpe.unknown ? quoted(vocabulary.spelling(*parts.bpe.unknown)) : "null";
  out += ",\n    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null";
  out += std::string(",\n    \"fuse_unk\": ") + flag(parts.bpe.fuse_unknown);
  out += std::string(",\n    \"byte_fallback\": ") + flag(parts.bpe.byte_fallback);
  out += std::string(",\n    \"ignore_merges\": ") + flag(parts.bpe.ignore_merges);
  out += ",\n    \"vocab\": {";
  const char* comma = "\n      ";
  for (Token id = 0; id < vocabulary.end(); ++id) {
    if (!vocabulary.contains(id)) continue;
    out += comma + quoted(vocabulary.spelling(id)) + ": " + std::to_string(id);
    comma = ",\n      ";
  }
  out += "\n    },\n    \"merges\": [";
  // Merges of one rank apply leftmost first; in a file every merge has a rank of its own.
  std::vector<Merge> merges = parts.merges;
  std::sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tie(a.rank, a.left, a.right) < std::tie(b.rank, b.left, b.right);
  });
  comma = "\n      ";
  for (const Merge& merge : merges) {
    out += comma;
    out += "[" + quoted(vocabulary.spelling(merge.left)) + ", " +
           quoted(vocabulary.spelling(merge.right)) + "]";
    comma = ",\n      ";
  }
  out += "\n    ]\n  }";
}

}  // namespace detail

inline std::string to_tokenizer_json(const TokenizerParts& parts) {
  std::string out = "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null";
  const auto member = [&](const char* name, const nlohmann::ordered_json& value) {
    out += std::string(",\n  \"") + name + "\": " + value.dump();
  };
  out += ",\n  \"added_tokens\": [";
  const char* comma = "\n    ";
  for (const AddedToken& token : parts.added_tokens) {
    out += comma + detail::to_json(token).dump();
    comma = ",\n    ";
  }
  out += parts.added_tokens.empty() ? "]" : "\n  ]";
  member("normalizer", detail::sequence_of(parts.normalizers, "normalizers"));
  member("pre_tokenizer", detail::sequence_of(parts.pre_tokenizers, "pretokenizers"));
  member("post_processor", detail::post_processor_json(parts));
  member("decoder", detail::decoder_json(parts));
  out += ",\n  \"model\": ";
  detail::append_bpe_model(out, parts);
  out += "\n}\n";
  return out;
}

}  // namespace text
}  // namespace v0
}  // namespace hone
