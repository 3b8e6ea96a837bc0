#include "hone/text/rank_file.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "hone/text/tokenizer.hpp"

namespace {

using namespace hone::text;
using hone::Token;

TEST(Base64, DecodesStrictly) {
  const auto decode = [](std::string_view s) {
    std::string out;
    return detail::append_base64(out, s) ? out : std::string("refused");
  };
  EXPECT_EQ(decode(""), "");
  EXPECT_EQ(decode("YQ=="), "a");
  EXPECT_EQ(decode("YWI="), "ab");
  EXPECT_EQ(decode("YWJj"), "abc");
  EXPECT_EQ(decode("/+8="), "\xFF\xEF");
  for (const char* bad : {"Y", "YQ", "YQ=", "Y===", "YQ==YQ==", "Y Q=", "=YQ=", "YWJ*"})
    EXPECT_EQ(decode(bad), "refused") << bad;
}

std::string base64(std::string_view s) {
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < s.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < s.size() ? static_cast<unsigned char>(s[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k > s.size() ? '=' : letters[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

// Tiktoken's algorithm word for word: of all neighbours whose bytes together have a rank the lowest
// rank goes first, the leftmost of equals; a piece that has a rank is that token.
std::vector<Token> plain_ranks(const std::map<std::string, Token>& ranks,
                               const std::string& piece) {
  if (const auto whole = ranks.find(piece); whole != ranks.end()) return {whole->second};
  std::vector<std::string> parts;
  for (const char c : piece) parts.emplace_back(1, c);
  for (;;) {
    Token best = -1;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks.find(parts[i] + parts[i + 1]);
      if (found != ranks.end() && (best < 0 || found->second < best)) {
        best = found->second;
        at = i;
      }
    }
    if (best < 0) break;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  std::vector<Token> ids;
  for (const std::string& part : parts) ids.push_back(ranks.at(part));
  return ids;
}

TEST(RankFile, EqualsThePlainAlgorithm) {
  std::mt19937 random(4);
  for (int round = 0; round < 30; ++round) {
    std::map<std::string, Token> ranks{{"a", 0}, {"b", 1}, {"c", 2}};
    std::vector<std::string> tokens{"a", "b", "c"};
    while (tokens.size() < 60) {
      std::string made = tokens[random() % tokens.size()] + tokens[random() % tokens.size()];
      if (random() % 5 == 0) made += "c";  // some tokens that no merges reach
      if (made.size() > 9 || ranks.count(made)) continue;
      ranks[made] = static_cast<Token>(tokens.size());
      tokens.push_back(made);
    }
    std::string file;
    for (std::size_t i = 0; i < tokens.size(); ++i)
      file += base64(tokens[i]) + " " + std::to_string(i) + "\n";
    const Tokenizer tokenizer(parse_rank_file(file, "test"));
    for (int i = 0; i < 200; ++i) {
      std::string piece(1 + random() % 70, 'a');
      for (char& c : piece) c = static_cast<char>('a' + random() % 3);
      ASSERT_EQ(tokenizer.encode(piece), plain_ranks(ranks, piece)) << piece;
    }
  }
}

TEST(RankFile, SpecialTokensFollowTheRanks) {
  const Tokenizer tokenizer(parse_rank_file("YQ== 0\nIA== 1\n", "test"));
  EXPECT_EQ(tokenizer.id_of("<|endoftext|>"), 2);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_EQ(tokenizer.encode("a<|im_end|> a"), (std::vector<Token>{0, 4, 1, 0}));
}

TEST(RankFile, ErrorsNameTheLine) {
  const auto error = [](const std::string& content) {
    try {
      parse_rank_file(content, "qwen.tiktoken");
    } catch (const hone::Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(error("YQ== 0\nYg 1\n"), "qwen.tiktoken:2: \"Yg 1\", expected base64, a space, a rank");
  EXPECT_EQ(error("YQ== x\n"), "qwen.tiktoken:1: \"YQ== x\", expected base64, a space, a rank");
  EXPECT_EQ(error("YQ==\n"), "qwen.tiktoken:1: \"YQ==\", expected base64, a space, a rank");
  EXPECT_EQ(error("YQ== 0\nYg== 0\n"), "qwen.tiktoken: tokens \"a\" and \"b\" both have id 0");
  EXPECT_EQ(error("YQ== 99\n"), "qwen.tiktoken: token \"a\" has id 99, expected 0 to 7");
  EXPECT_EQ(error("YQ== -1\n"), "qwen.tiktoken: token \"a\" has id -1, expected 0 to 7");
}

}  // namespace
