#include "hone/text/tokenizer_json.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "hone/text/tokenizer.hpp"
#include "hone/text/tokenizer_json_writer.hpp"
#include "reference_cases.hpp"

namespace {

using namespace hone::text;
using nlohmann::json;

json small() {
  return json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 4, "content": "<s>", "single_word": false, "lstrip": false,
                      "rstrip": false, "normalized": false, "special": true}],
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Digits", "individual_digits": true},
      {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
    "post_processor": null,
    "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
              "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
              "ignore_merges": false, "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3},
              "merges": [["a", "b"]]}})");
}

std::string error_of(const std::string& content) {
  try {
    Tokenizer tokenizer(parse_tokenizer_json(content, "dir/tokenizer.json"));
  } catch (const hone::Error& error) {
    return error.what();
  }
  return "";
}

TEST(TokenizerJson, ReadsBothSpellingsOfMerges) {
  json pairs = small();
  json strings = small();
  strings["model"]["merges"] = {"a b"};
  for (const json& file : {pairs, strings}) {
    const Tokenizer tokenizer(parse_tokenizer_json(file.dump(), "test"));
    EXPECT_EQ(tokenizer.encode("ab ba<s>"), (std::vector<hone::Token>{3, 2, 1, 0, 4}));
  }
}

TEST(TokenizerJson, MissingPartsTakeTheirDefaults) {
  json file = small();
  for (const char* key : {"version", "truncation", "padding", "added_tokens", "normalizer",
                          "post_processor", "decoder"})
    file.erase(key);
  for (const char* key : {"type", "dropout", "unk_token", "continuing_subword_prefix",
                          "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"})
    file["model"].erase(key);
  const Tokenizer tokenizer(parse_tokenizer_json(file.dump(), "test"));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("ab a")), "ab a");
  EXPECT_EQ(tokenizer.size(), 4);
}

TEST(TokenizerJson, ErrorsNameTheFileAndTheField) {
  using Change = std::function<void(json&)>;
  const std::vector<std::pair<Change, std::string>> cases{
      {[](json& j) { j = json::array(); }, "dir/tokenizer.json is array, expected an object"},
      {[](json& j) { j["version"] = "2.0"; }, "version: \"2.0\", expected \"1.0\""},
      {[](json& j) { j.erase("model"); }, "field \"model\" is missing"},
      {[](json& j) { j["model"].erase("vocab"); }, "model: field \"vocab\" is missing"},
      {[](json& j) { j["model"].erase("merges"); }, "model: field \"merges\" is missing"},
      {[](json& j) { j["model"]["type"] = "WordPiece"; }, "model.type: \"WordPiece\""},
      {[](json& j) { j["model"]["dropout"] = 0.1; },
       "model.dropout: merges are dropped at random (0.1)"},
      {[](json& j) { j["model"]["end_of_word_suffix"] = "</w>"; },
       "model.end_of_word_suffix: is not"},
      {[](json& j) { j["model"]["byte_fallback"] = true; }, "model.byte_fallback: is true"},
      {[](json& j) { j["model"]["ignore_merges"] = 1; },
       "model.ignore_merges is number, expected true"},
      {[](json& j) { j["model"]["unk_token"] = "?"; },
       "model.unk_token: \"?\" is not in the vocabulary"},
      {[](json& j) { j["model"]["vocab"] = json::array(); },
       "model.vocab is array, expected an object"},
      {[](json& j) { j["model"]["vocab"]["c"] = -1; },
       "model.vocab: token \"c\" has id -1, expected"},
      {[](json& j) { j["model"]["vocab"]["c"] = 4000000000u; }, "token \"c\" has id 4000000000"},
      {[](json& j) { j["model"]["vocab"]["c"] = 2.5; }, "token \"c\" has id 2.5"},
      {[](json& j) { j["model"]["vocab"]["c"] = 1; }, "tokens \"b\" and \"c\" both have id 1"},
      {[](json& j) { j["model"]["merges"] = {"a"}; },
       "model.merges[0]: \"a\", expected two tokens"},
      {[](json& j) {
         j["model"]["merges"] = {"a b", "a b c"};
       },
       "model.merges[1]: \"a b c\""},
      {[](json& j) {
         j["model"]["merges"] = json::array({json::array({"a", 1})});
       },
       "model.merges[0]: expected"},
      {[](json& j) { j["model"]["merges"] = {"a x"}; },
       "model.merges[0]: \"x\" is not in the vocabulary"},
      {[](json& j) { j["model"]["merges"] = {"b a"}; },
       "model.merges[0]: \"ba\" is not in the vocabulary"},
      {[](json& j) { j["normalizer"]["type"] = "BertNormalizer"; },
       "normalizer: normalizer \"BertNormalizer\""},
      {[](json& j) {
         j["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "X"}}}}};
       },
       "normalizer.normalizers[0]: normalizer \"X\""},
      {[](json& j) {
         j["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", "a"}}}, {"content", ""}};
       },
       "normalizer: hone replaces strings"},
      {[](json& j) { j["pre_tokenizer"]["pretokenizers"][0].erase("individual_digits"); },
       "pre_tokenizer.pretokenizers[0]: field \"individual_digits\" is missing"},
      {[](json& j) {
         j["pre_tokenizer"]["pretokenizers"][0] = {{"type", "Whitespace"}};
       },
       "pre_tokenizer.pretokenizers[0]: pre_tokenizer \"Whitespace\""},
      {[](json& j) {
         j["pre_tokenizer"]["pretokenizers"][0] = {
             {"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}};
       },
       "dir/tokenizer.json: pre_tokenizer (step 0): pattern (a"},
      {[](json& j) {
         j["pre_tokenizer"]["pretokenizers"][0] = {
             {"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Cut"}};
       },
       "pre_tokenizer.pretokenizers[0].behavior: \"Cut\" is no way to split"},
      {[](json& j) {
         j["decoder"] = {{"type", "Fuse"}};
       },
       "decoder: decoder \"Fuse\" with a ByteLevel"},
      {[](json& j) {
         j["post_processor"] = {{"type", "X"}};
       },
       "post_processor: post_processor \"X\""},
      {[](json& j) {
         j["post_processor"] = {{"type", "TemplateProcessing"},
                                {"single", {{{"SpecialToken", {{"id", "<s>"}}}}}},
                                {"special_tokens", {{"<s>", {{"ids", {4}}}}}}};
       },
       "post_processor.single: the text does not occur"},
      {[](json& j) {
         j["post_processor"] = {
             {"type", "BertProcessing"}, {"cls", {"<s>", 77}}, {"sep", {"<s>", 4}}};
       },
       "post_processor: the prefix has token 77, expected 0 to 4"},
      {[](json& j) {
         j["model"]["vocab"]["a"] = {{1, 2}};
       },
       "model.vocab: token \"a\" has id array, expected 0 to"},
      {[](json& j) { j["model"]["dropout"] = {{0.5}}; },
       "model.dropout: merges are dropped at random (array)"},
      {[](json& j) { j["added_tokens"][0]["id"] = 9; },
       "added_tokens[0]: \"<s>\" has id 9, expected 4"},
      {[](json& j) { j["added_tokens"][0].erase("content"); },
       "added_tokens[0]: field \"content\""},
      {[](json& j) { j["added_tokens"][0]["lstrip"] = 1; },
       "added_tokens[0].lstrip is number, expected"},
  };
  EXPECT_EQ(error_of(small().dump()), "");
  for (const auto& [change, expected] : cases) {
    json file = small();
    change(file);
    const std::string error = error_of(file.dump());
    EXPECT_NE(error.find(expected), std::string::npos)
        << "expected: " << expected << "\nis:       " << error;
    EXPECT_TRUE(error.starts_with("dir/tokenizer.json")) << error;
  }
  EXPECT_TRUE(error_of("{\"a\": ").starts_with("dir/tokenizer.json: byte 6: not valid JSON"));
  EXPECT_TRUE(error_of("{\"\xFF\": 1}").starts_with("dir/tokenizer.json: byte 2: not valid"));
}

// A walk down a million levels would end the stack.
TEST(TokenizerJson, RefusesDeepNesting) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  const std::string deep = "dir/tokenizer.json: JSON is nested deeper than 64 levels";
  EXPECT_EQ(error_of(std::string(1000000, '[')), deep);
  EXPECT_EQ(error_of(R"({"model": {"vocab": {"a": )" + nested(1000000) + "}}}"), deep);
  EXPECT_EQ(error_of(R"({"model": {"dropout": )" + nested(1000000) + "}}"), deep);
}

TEST(TokenizerJson, ReadsTemplates) {
  json file = small();
  file["post_processor"] = json::parse(R"({"type": "Sequence", "processors": [
    {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
    {"type": "TemplateProcessing",
     "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "end", "type_id": 0}}],
     "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [4], "tokens": ["<s>"]},
                                    "end": {"id": "end", "ids": [1, 0], "tokens": ["b", "a"]}}}]})");
  const Tokenizer tokenizer(parse_tokenizer_json(file.dump(), "test"));
  EXPECT_EQ(tokenizer.encode("ab", {.add_special = true}), (std::vector<hone::Token>{4, 3, 1, 0}));
  EXPECT_EQ(tokenizer.encode("ab"), (std::vector<hone::Token>{3}));
}

TEST(TokenizerJsonWriter, WritesWhatItReads) {
  for (const char* name : {"bytes.json", "characters.json"}) {
    const std::string content = read_file(reference::committed() / name);
    const TokenizerParts parts = parse_tokenizer_json(content, name);
    const std::string once = to_tokenizer_json(parts);
    EXPECT_EQ(to_tokenizer_json(parse_tokenizer_json(once, "once")), once) << name;
    json original = json::parse(content);
    json written = json::parse(once);
    EXPECT_EQ(written["model"]["vocab"], original["model"]["vocab"]) << name;
    EXPECT_EQ(written["model"]["merges"], original["model"]["merges"]) << name;
    for (const char* key : {"added_tokens", "normalizer", "pre_tokenizer", "decoder"})
      EXPECT_EQ(written[key], original[key]) << name << ": " << key;
  }
}

}  // namespace
