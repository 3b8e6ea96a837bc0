#include "hone/text/gpt2_files.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hone/text/tokenizer.hpp"

namespace {

using namespace hone::text;
using hone::Token;
using Files = std::map<std::string, std::string>;

class Gpt2Files : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("hone_gpt2_files_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Tokenizer load(const Files& files) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    for (const auto& [name, content] : files) write_file(folder_ / name, content);
    return Tokenizer::load(folder_);
  }
  std::string error_of(const Files& files) {
    try {
      load(files);
    } catch (const hone::Error& error) {
      const std::string what = error.what();
      const std::string prefix = folder_.string();
      EXPECT_TRUE(what.starts_with(prefix)) << what;
      return what.substr(std::min(prefix.size() + 1, what.size()));
    }
    return "";
  }

  std::filesystem::path folder_;
  const std::string vocab_ = R"({"a": 0, "b": 1, "Ġ": 2, "ab": 3, "</s>": 4, "<pad>": 5, "1": 6})";
  const std::string merges_ = "#version: 0.2\na b\n";
};

TEST_F(Gpt2Files, BothPairsOfNames) {
  const std::vector<Token> expected{3, 2, 1};
  EXPECT_EQ(load({{"vocab.json", vocab_}, {"merges.txt", merges_}}).encode("ab b"), expected);
  EXPECT_EQ(load({{"encoder.json", vocab_}, {"vocab.bpe", merges_}}).encode("ab b"), expected);
  EXPECT_EQ(load({{"vocab.json", vocab_}, {"merges.txt", "a b\r\n"}}).encode("ab b"), expected);
  EXPECT_EQ(load({{"vocab.json", vocab_}, {"merges.txt", ""}}).encode("ab"),
            (std::vector<Token>{0, 1}));
}

TEST_F(Gpt2Files, EndOfTextIsSpecialWithoutSettings) {
  const Tokenizer tokenizer =
      load({{"vocab.json", R"({"a": 0, "<|endoftext|>": 1})"}, {"merges.txt", ""}});
  EXPECT_EQ(tokenizer.encode("a<|endoftext|>a"), (std::vector<Token>{0, 1, 0}));
  EXPECT_EQ(tokenizer.eos(), 1);
  EXPECT_EQ(tokenizer.bos(), 1);
}

// OPT's folder: GPT-2's splits, </s> before every text.
TEST_F(Gpt2Files, SettingsNameTheSpecialTokens) {
  const Tokenizer tokenizer = load(
      {{"vocab.json", vocab_},
       {"merges.txt", merges_},
       {"tokenizer_config.json",
        R"({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "add_prefix_space": false,
            "bos_token": {"__type": "AddedToken", "content": "</s>", "lstrip": false,
                          "normalized": true, "rstrip": false, "single_word": false},
            "eos_token": "</s>"})"},
       {"special_tokens_map.json", R"({"pad_token": "<pad>"})"}});
  EXPECT_EQ(tokenizer.encode("ab</s>", {.add_special = true}), (std::vector<Token>{4, 3, 4}));
  EXPECT_EQ(tokenizer.pad(), 5);
  EXPECT_TRUE(tokenizer.is_special(5));
}

TEST_F(Gpt2Files, AddedTokensOfBothFiles) {
  const Tokenizer decoder =
      load({{"vocab.json", vocab_},
            {"merges.txt", merges_},
            {"tokenizer_config.json",
             R"({"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>",
            "added_tokens_decoder": {
              "7": {"content": "<|im_end|>", "lstrip": false, "normalized": false, "rstrip": false,
                    "single_word": false, "special": true},
              "8": {"content": "<think>", "lstrip": false, "normalized": false, "rstrip": false,
                    "single_word": false, "special": false}}})"}});
  EXPECT_EQ(decoder.encode("a<think>11<|im_end|>"), (std::vector<Token>{0, 8, 6, 6, 7}));
  EXPECT_EQ(decoder.eos(), 7);
  EXPECT_FALSE(decoder.is_special(8));

  const Tokenizer older = load({{"vocab.json", vocab_},
                                {"merges.txt", merges_},
                                {"special_tokens_map.json", R"({"eos_token": "<x>"})"},
                                {"added_tokens.json", R"({"<y>": 8, "<x>": 7})"}});
  EXPECT_EQ(older.encode("<x><y>"), (std::vector<Token>{7, 8}));
  EXPECT_TRUE(older.is_special(7));
  EXPECT_FALSE(older.is_special(8));
}

TEST_F(Gpt2Files, ErrorsNameFileAndLine) {
  const auto with = [&](const std::string& name, const std::string& content) {
    Files files{{"vocab.json", vocab_}, {"merges.txt", merges_}};
    files[name] = content;
    return error_of(files);
  };
  EXPECT_EQ(with("merges.txt", "#version: 0.2\na b\nab\n"),
            "merges.txt:3: \"ab\", expected two tokens with a space between them");
  EXPECT_EQ(with("merges.txt", "a b\n\n"),
            "merges.txt:2: \"\", expected two tokens with a space between them");
  EXPECT_EQ(with("merges.txt", "a b c"),
            "merges.txt:1: \"a b c\", expected two tokens with a space between them");
  EXPECT_EQ(with("merges.txt", "b a"), "merges.txt:1: \"ba\" is not in the vocabulary");
  EXPECT_EQ(with("vocab.json", "[]"), "vocab.json is array, expected an object");
  EXPECT_EQ(with("vocab.json", R"({"a": 99})"),
            "vocab.json: token \"a\" has id 99, expected 0 to 8");
  EXPECT_EQ(with("tokenizer_config.json", R"({"eos_token": "<|x|>"})"),
            "tokenizer_config.json: the special token \"<|x|>\" is not in " +
                (folder_ / "vocab.json").string());
  EXPECT_NE(with("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer"})")
                .find("tokenizer_config.json: tokenizer_class: \"BertTokenizer\""),
            std::string::npos);
  EXPECT_NE(with("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "y"}}})")
                .find("added_tokens_decoder.x: expected a token's id"),
            std::string::npos);
  EXPECT_NE(error_of({{"vocab.json", vocab_}}).find("no tokenizer there"), std::string::npos);
}

}  // namespace
