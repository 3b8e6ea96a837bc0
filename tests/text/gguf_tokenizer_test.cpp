#include "hone/text/gguf_tokenizer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hone/text/tokenizer.hpp"

namespace {

using namespace hone::text;
using hone::Token;

GgufTokenizer small(const std::string& pre) {
  GgufTokenizer g;
  g.source = "model.gguf";
  g.model = "gpt2";
  g.pre = pre;
  g.tokens = {"<|end|>", "1", "2", "a", "12", "<user>", "Ġ", "12a"};
  g.token_types = {3, 1, 1, 1, 1, 4, 1, 1};
  g.merges = {"1 2"};
  g.eos = 0;
  return g;
}

TEST(GgufTokenizer, SplitsByName) {
  using Ids = std::vector<Token>;
  EXPECT_EQ(Tokenizer::from_gguf(small("smollm")).encode("12 a"), (Ids{1, 2, 6, 3}));
  EXPECT_EQ(Tokenizer::from_gguf(small("gpt-2")).encode("12 a"), (Ids{4, 6, 3}));
  EXPECT_EQ(Tokenizer::from_gguf(small("llama-bpe")).encode("12 a"), (Ids{4, 6, 3}));
  EXPECT_EQ(Tokenizer::from_gguf(small("qwen2")).encode("12 a"), (Ids{1, 2, 6, 3}));
}

TEST(GgufTokenizer, TypesMakeAddedTokens) {
  const Tokenizer tokenizer = Tokenizer::from_gguf(small("gpt-2"));
  EXPECT_EQ(tokenizer.encode("a<|end|><user>"), (std::vector<Token>{3, 0, 5}));
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_FALSE(tokenizer.is_special(5));
  EXPECT_EQ(tokenizer.eos(), 0);
  EXPECT_EQ(tokenizer.bos(), std::nullopt);
}

TEST(GgufTokenizer, BeginningOfText) {
  GgufTokenizer g = small("llama-bpe");
  g.bos = 0;
  EXPECT_EQ(Tokenizer::from_gguf(g).encode("a", {.add_special = true}), (std::vector<Token>{0, 3}));
  g.add_bos = false;
  EXPECT_EQ(Tokenizer::from_gguf(g).encode("a", {.add_special = true}), (std::vector<Token>{3}));
  g = small("gpt-2");
  g.bos = 0;
  EXPECT_EQ(Tokenizer::from_gguf(g).encode("a", {.add_special = true}), (std::vector<Token>{3}));
  g.add_bos = g.add_eos = true;
  EXPECT_EQ(Tokenizer::from_gguf(g).encode("a", {.add_special = true}),
            (std::vector<Token>{0, 3, 0}));
}

TEST(GgufTokenizer, ErrorsNameTheValue) {
  const auto error = [](const auto& change) {
    GgufTokenizer g = small("gpt-2");
    change(g);
    try {
      Tokenizer::from_gguf(g);
    } catch (const hone::Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(error([](GgufTokenizer&) {}), "");
  EXPECT_EQ(
      error([](GgufTokenizer& g) { g.model = "llama"; }),
      "model.gguf: tokenizer.ggml.model is \"llama\", expected \"gpt2\" (byte-level byte-pair "
      "encoding)");
  EXPECT_TRUE(error([](GgufTokenizer& g) {
                g.pre = "default";
              }).starts_with("model.gguf: tokenizer.ggml.pre is \"default\", expected gpt-2"));
  EXPECT_EQ(error([](GgufTokenizer& g) { g.token_types.pop_back(); }),
            "model.gguf: tokenizer.ggml.token_type has 7 entries, expected 8, one per token");
  EXPECT_EQ(
      error([](GgufTokenizer& g) { g.merges.push_back("12"); }),
      "model.gguf: tokenizer.ggml.merges[1]: \"12\", expected two tokens with a space between "
      "them");
  EXPECT_EQ(error([](GgufTokenizer& g) { g.merges.push_back("2 1"); }),
            "model.gguf: tokenizer.ggml.merges[1]: \"21\" is not in the vocabulary");
  EXPECT_EQ(error([](GgufTokenizer& g) { g.tokens[1] = "a"; }),
            "model.gguf: tokenizer.ggml.tokens: token \"a\" has the ids 1 and 3");
  EXPECT_EQ(error([](GgufTokenizer& g) { g.eos = 8; }),
            "model.gguf: tokenizer.ggml.eos_token_id is 8, expected 0 to 7");
}

}  // namespace
