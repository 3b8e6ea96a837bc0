// Ids and texts equal those of the Hugging Face tokenizers package, line by line.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
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

using reference::printable;

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

void expect_same_ids(const Tokenizer& tokenizer, const std::filesystem::path& root,
                     const std::string& kind) {
  const std::size_t step = reference::Kinds(root).steps.at(kind);
  const reference::Blobs corpus(root / "corpus.bin");
  const reference::Blobs expected(root / kind / "ids.bin");
  const reference::Blobs decoded(root / kind / "decoded.bin");
  const reference::Blobs excluded_lines(root / kind / "excluded.bin");
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
            << " for characters that the package's older tables do not know\n";

  const reference::Blobs around(root / kind / "around.bin");
  EXPECT_EQ(tokenizer.encode("between", {.add_special = true}), around.ids(0)) << kind;
}

// Random ids make broken characters; the stream must give what decoding at once gives.
void expect_same_decoding_of_random_ids(const Tokenizer& tokenizer,
                                        const std::filesystem::path& folder,
                                        const std::string& kind) {
  const reference::Blobs random(folder / "random.bin");
  const reference::Blobs decoded(folder / "random_decoded.bin");
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

class TokenizerReference : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    root_ = hone_test::golden_folder(reference::script);
    if (root_.empty())
      GTEST_SKIP()
          << "HONE_TEST_PYTHON names no Python with the tokenizers package to compare with";
    const reference::Kinds kinds(root_);
    if (const auto found = kinds.missing.find(GetParam()); found != kinds.missing.end())
      GTEST_SKIP() << found->second;
    folder_ = root_ / GetParam();
  }

  void expect_equal_to_reference(const Tokenizer& tokenizer) const {
    expect_same_ids(tokenizer, root_, GetParam());
    expect_same_decoding_of_random_ids(tokenizer, folder_, GetParam());
  }

  std::filesystem::path root_;
  std::filesystem::path folder_;
};

TEST_P(TokenizerReference, LoadsTokenizerJson) {
  expect_equal_to_reference(Tokenizer::load(folder_ / "tokenizer.json"));
}

// Saved, loaded here, and loaded by the package and by transformers.
TEST_P(TokenizerReference, IsTheSameAfterSavingAndLoading) {
  const Tokenizer first = Tokenizer::load(folder_ / "tokenizer.json");
  const auto saved = std::filesystem::path(testing::TempDir()) /
                     ("hone_saved_" + std::to_string(::getpid()) + "_" + GetParam());
  std::filesystem::create_directories(saved);
  first.save(saved);
  const Tokenizer second = Tokenizer::load(saved);
  const reference::Blobs corpus(root_ / "corpus.bin");
  for (std::size_t i = 0; i < corpus.size(); i += 7)
    ASSERT_EQ(first.encode(corpus[i]), second.encode(corpus[i])) << printable(corpus[i]);
  const hone::text::EncodeOptions around{.add_special = true};
  EXPECT_EQ(first.encode("x", around), second.encode("x", around));
  const std::string check = "'" + hone_test::environment("HONE_TEST_PYTHON") + "' '" +
                            hone_test::tests_folder().string() +
                            "/goldens/tokenizer/check_saved.py' '" + root_.string() + "' " +
                            GetParam() + " '" + saved.string() + "'";
  EXPECT_EQ(std::system(check.c_str()), 0) << check;
  std::filesystem::remove_all(saved);
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
    expect_equal_to_reference(Tokenizer::load(folder_ / "pair"));
  } else if (kind == "qwen2") {
    expect_equal_to_reference(Tokenizer::from_rank_file(folder_ / "qwen.tiktoken"));
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
    expect_equal_to_reference(tokenizer);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerFiles, testing::Values("gpt2", "qwen2", "smollm2"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
