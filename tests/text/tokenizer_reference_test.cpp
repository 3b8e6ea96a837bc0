// Ids and texts equal those of the Hugging Face tokenizers package, line by line.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "hone/text/regex.hpp"
#include "hone/text/stream_decoder.hpp"
#include "hone/text/tokenizer.hpp"
#include "reference_cases.hpp"

namespace {

using hone::Token;
using hone::text::StreamDecoder;
using hone::text::Tokenizer;

std::string printable(std::string_view s) {
  std::string out;
  for (const char c : s.substr(0, 400)) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (std::isprint(byte) && c != '\\')
      out += c;
    else
      out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
  }
  return out;
}

std::string show(const Tokenizer& tokenizer, const std::vector<Token>& ids, std::size_t from) {
  std::ostringstream out;
  for (std::size_t i = from; i < ids.size() && i < from + 12; ++i)
    out << ids[i] << "(" << printable(tokenizer.bytes_of(ids[i])) << ") ";
  return out.str();
}

// A character that has come into Unicode later than one side's tables.
bool has_unassigned(std::string_view text) {
  static const hone::text::Regex unassigned(R"(\p{Cn})", "test");
  static hone::text::RegexScratch scratch;
  hone::text::Match match;
  const std::string valid = hone::text::replace_invalid_utf8(text);
  return unassigned.find(valid, 0, scratch, match);
}

void expect_same_ids(const Tokenizer& tokenizer, const std::string& kind) {
  const auto& cases = reference::cases();
  const std::size_t step = cases.steps.at(kind);
  const reference::Blobs corpus(cases.folder / "corpus.bin");
  const reference::Blobs expected(cases.folder / kind / "ids.bin");
  const reference::Blobs decoded(cases.folder / kind / "decoded.bin");
  const reference::Blobs excluded_lines(cases.folder / kind / "excluded.bin");
  const std::vector<Token> older_tables = excluded_lines.ids(0);
  std::size_t compared = 0;
  std::size_t unassigned = 0;
  std::size_t tokens = 0;
  std::size_t differing = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::binary_search(older_tables.begin(), older_tables.end(), static_cast<Token>(i)))
      continue;
    const std::string_view line = corpus[i * step];
    const std::vector<Token> want = expected.ids(i);
    const std::vector<Token> got = tokenizer.encode(line);
    if (got != want && has_unassigned(line)) {
      ++unassigned;
      continue;
    }
    ++compared;
    tokens += got.size();
    if (got != want && ++differing <= 5) {
      std::size_t first = 0;
      while (first < got.size() && first < want.size() && got[first] == want[first]) ++first;
      ADD_FAILURE() << kind << ", line " << i * step << ": " << printable(line)
                    << "\n  first difference at token " << first
                    << "\n  hone:       " << show(tokenizer, got, first)
                    << "\n  tokenizers: " << show(tokenizer, want, first);
    }
    const std::string text = tokenizer.decode(want);
    if (text != decoded[i] && ++differing <= 5)
      ADD_FAILURE() << kind << ", line " << i * step
                    << " decodes to\n  hone:       " << printable(text)
                    << "\n  tokenizers: " << printable(decoded[i]);
  }
  EXPECT_EQ(differing, 0u);
  EXPECT_LE(unassigned + older_tables.size(), expected.size() / 100);
  EXPECT_GE(compared * step, 50000u);
  std::cout << kind << ": " << compared << " lines and " << tokens
            << " tokens equal; left out: " << unassigned
            << " for characters that PCRE2's Unicode does not know, " << older_tables.size()
            << " for marks that the package's normaliser does not know\n";

  const reference::Blobs around(cases.folder / kind / "around.bin");
  EXPECT_EQ(tokenizer.encode("between", {.add_special = true}), around.ids(0)) << kind;
}

// Random ids make broken characters; the stream must give what decoding at once gives.
void expect_same_decoding_of_random_ids(const Tokenizer& tokenizer, const std::string& kind) {
  const auto& folder = reference::cases().folder;
  const reference::Blobs random(folder / kind / "random.bin");
  const reference::Blobs decoded(folder / kind / "random_decoded.bin");
  for (std::size_t i = 0; i < random.size(); ++i) {
    const std::vector<Token> ids = random.ids(i);
    StreamDecoder stream(tokenizer, {.skip_special = true});
    std::string streamed;
    for (const Token id : ids) {
      const std::string part = stream.push(id);
      ASSERT_TRUE(hone::text::is_valid_utf8(part));
      streamed += part;
    }
    streamed += stream.finish();
    const std::string at_once = tokenizer.decode(ids, {.skip_special = true});
    ASSERT_EQ(streamed, at_once) << kind << " " << i;
    // The package turns each byte of a broken run of byte tokens into U+FFFD, hone each broken
    // part.
    if (tokenizer.parts().vocabulary.alphabet() == hone::text::Alphabet::bytes) {
      ASSERT_EQ(printable(at_once), printable(decoded[i])) << kind << " " << i;
    }
  }
}

void expect_equal_to_reference(const Tokenizer& tokenizer, const std::string& kind) {
  expect_same_ids(tokenizer, kind);
  expect_same_decoding_of_random_ids(tokenizer, kind);
}

class TokenizerReference : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto& cases = reference::cases();
    if (cases.folder.empty()) GTEST_SKIP() << cases.why;
    const std::string kind = GetParam();
    if (const auto found = cases.missing.find(kind); found != cases.missing.end())
      GTEST_SKIP() << found->second;
    folder_ = cases.folder / kind;
  }
  std::filesystem::path folder_;
};

TEST_P(TokenizerReference, LoadsTokenizerJson) {
  expect_equal_to_reference(Tokenizer::load(folder_ / "tokenizer.json"), GetParam());
}

TEST_P(TokenizerReference, IsTheSameAfterSavingAndLoading) {
  const Tokenizer first = Tokenizer::load(folder_ / "tokenizer.json");
  const auto saved = folder_ / "saved";
  std::filesystem::create_directories(saved);
  first.save(saved);
  const Tokenizer second = Tokenizer::load(saved);
  const reference::Blobs corpus(reference::cases().folder / "corpus.bin");
  for (std::size_t i = 0; i < corpus.size(); i += 7)
    ASSERT_EQ(first.encode(corpus[i]), second.encode(corpus[i])) << printable(corpus[i]);
  const hone::text::EncodeOptions around{.add_special = true};
  EXPECT_EQ(first.encode("x", around), second.encode("x", around));
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerReference,
                         testing::Values("gpt2", "smollm2", "llama3", "llama3_ignore_merges",
                                         "qwen2", "qwen2_trained", "gpt4o", "falcon",
                                         "missing_bytes", "added", "gemma", "mistral", "metaspace"),
                         [](const auto& kind) { return std::string(kind.param); });

// The other files that the same tokenizers come in.
class TokenizerFiles : public TokenizerReference {};

TEST_P(TokenizerFiles, GiveTheSameIds) {
  const std::string kind = GetParam();
  if (kind == "gpt2") {
    expect_equal_to_reference(Tokenizer::load(folder_ / "pair"), kind);
  } else if (kind == "qwen2") {
    expect_equal_to_reference(Tokenizer::from_rank_file(folder_ / "qwen.tiktoken"), kind);
  } else {
    const auto path = folder_ / "gguf.json";
    const auto json = hone::text::parse_json(hone::text::read_file(path), path.string());
    hone::text::GgufTokenizer gguf;
    gguf.source = path.string();
    gguf.model = json.at("tokenizer.ggml.model");
    gguf.pre = json.at("tokenizer.ggml.pre");
    gguf.tokens = json.at("tokenizer.ggml.tokens");
    gguf.token_types = json.at("tokenizer.ggml.token_type").get<std::vector<std::int32_t>>();
    gguf.merges = json.at("tokenizer.ggml.merges");
    gguf.bos = json.at("tokenizer.ggml.bos_token_id").get<std::int64_t>();
    gguf.eos = json.at("tokenizer.ggml.eos_token_id").get<std::int64_t>();
    const Tokenizer tokenizer = Tokenizer::from_gguf(gguf);
    EXPECT_EQ(tokenizer.id_of("<|im_end|>"), tokenizer.eos());
    EXPECT_EQ(tokenizer.size(), 49152);
    expect_equal_to_reference(tokenizer, kind);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerFiles, testing::Values("gpt2", "qwen2", "smollm2"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
