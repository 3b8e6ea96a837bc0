#include "hone/checkpoint/gguf_tokenizer.hpp"

#include "gguf_bytes.hpp"
#include "support.hpp"

namespace {

using namespace checkpoint_test;

TEST(GgufTokenizer, HoldsWhatTheFileSays) {
  HONE_GOLDENS(golden, goldens);
  const auto t = gguf_tokenizer(Gguf(golden / "gguf/llama.gguf"));
  EXPECT_EQ(t.source, (golden / "gguf/llama.gguf").string());
  EXPECT_EQ(t.model, "gpt2");
  EXPECT_EQ(t.pre, "smollm");
  ASSERT_EQ(t.tokens.size(), 96u);
  EXPECT_EQ(t.tokens[95], "t95");
  EXPECT_EQ(t.token_types[2], 3);
  EXPECT_EQ(t.token_types[3], 1);
  EXPECT_EQ(t.merges, (std::vector<std::string>{"t 1", "t 2"}));
  EXPECT_EQ(t.bos, 1);
  EXPECT_EQ(t.eos, 2);
  EXPECT_EQ(t.pad, 0);
  EXPECT_EQ(t.add_bos, false);
  EXPECT_FALSE(t.add_eos.has_value());
  EXPECT_EQ(t.chat_template, "{{ messages }}");
}

TEST(GgufTokenizer, OfSmolLm2IsWhole) {
  if (hone_test::environment("HONE_TEST_DATA").empty())
    GTEST_SKIP() << "HONE_TEST_DATA names no folder with the SmolLM2 file";
  const auto t = gguf_tokenizer(Gguf(fs::path(hone_test::environment("HONE_TEST_DATA")) /
                                     "smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"));
  EXPECT_EQ(t.pre, "smollm");
  EXPECT_EQ(t.tokens.size(), 49152u);
  EXPECT_EQ(t.token_types.size(), 49152u);
  EXPECT_EQ(t.merges.size(), 48900u);
  EXPECT_EQ(t.tokens[static_cast<std::size_t>(t.eos.value())], "<|im_end|>");
  EXPECT_NE(t.chat_template.find("<|im_start|>assistant"), std::string::npos);
}

TEST(GgufTokenizer, AFileWithoutOneGivesNoTokens) {
  const std::string bytes = GgufBytes().finish();
  const Gguf file(MappedFile::borrow(std::as_bytes(std::span<const char>(bytes)), "x.gguf"));
  EXPECT_TRUE(gguf_tokenizer(file).tokens.empty());
  EXPECT_FALSE(gguf_tokenizer(file).eos.has_value());
}

TEST(GgufTokenizer, NamesAValueOfTheWrongType) {
  const auto with = [](const std::string& bytes) {
    return gguf_tokenizer(
        Gguf(MappedFile::borrow(std::as_bytes(std::span<const char>(bytes)), "x.gguf")));
  };
  EXPECT_ERROR(with(GgufBytes().set("tokenizer.ggml.tokens", 3u).finish()),
               "x.gguf: metadata \"tokenizer.ggml.tokens\" is u32, expected an array");
  EXPECT_ERROR(
      with(GgufBytes().key("tokenizer.ggml.token_type", 9).word(5).number(1).word(~0u).finish()),
      "x.gguf: metadata \"tokenizer.ggml.token_type\" holds -1");
}

}  // namespace
