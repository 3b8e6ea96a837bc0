#include "hone/text/bpe.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace hone::text;
using hone::Token;
using Tokens = std::vector<Token>;

// A vocabulary of letters and of random merges of what is there already.
struct Random {
  Vocabulary vocabulary;
  std::vector<Merge> merges;

  Random(int letters, int count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::pair<Token, std::string>> tokens;
    std::map<std::string, Token> ids;
    for (int i = 0; i < letters; ++i) {
      tokens.emplace_back(i, std::string(1, static_cast<char>('a' + i)));
      ids[tokens.back().second] = i;
    }
    while (static_cast<int>(merges.size()) < count) {
      const auto left = static_cast<Token>(random() % tokens.size());
      const auto right = static_cast<Token>(random() % tokens.size());
      const std::string joined = tokens[static_cast<std::size_t>(left)].second +
                                 tokens[static_cast<std::size_t>(right)].second;
      if (joined.size() > 12) continue;
      auto [found, is_new] = ids.emplace(joined, static_cast<Token>(tokens.size()));
      if (is_new) tokens.emplace_back(found->second, joined);
      merges.push_back({left, right, found->second, static_cast<std::int32_t>(merges.size())});
    }
    vocabulary = Vocabulary(tokens, Alphabet::bytes, 1 << 20, "test");
  }
};

// Sennrich's algorithm word for word.
Tokens plain_bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges,
                 std::string_view word) {
  Tokens ids;
  for (const char c : word) ids.push_back(*vocabulary.of_bytes({&c, 1}));
  for (;;) {
    const Merge* best = nullptr;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i)
      for (const Merge& m : merges)
        if (m.left == ids[i] && m.right == ids[i + 1] && (!best || m.rank < best->rank)) {
          best = &m;
          at = i;
        }
    if (best == nullptr) return ids;
    ids[at] = best->result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(Bpe, ShortAndLongMergingEqualThePlainAlgorithm) {
  std::mt19937 random(7);
  for (unsigned seed = 0; seed < 40; ++seed) {
    Random made(3, 60, seed);
    // Of merges of one pair the last counts: leave the plain algorithm only these.
    std::map<std::pair<Token, Token>, Merge> last;
    for (const Merge& m : made.merges) last[{m.left, m.right}] = m;
    std::vector<Merge> merges;
    for (const auto& [pair, m] : last) merges.push_back(m);
    const Bpe bpe(made.vocabulary, made.merges, {});
    BpeScratch scratch;
    for (int round = 0; round < 60; ++round) {
      std::string word(random() % 80, 'a');
      for (char& c : word) c = static_cast<char>('a' + random() % 3);
      const Tokens expected = plain_bpe(made.vocabulary, merges, word);
      Tokens letters;
      for (const char c : word) letters.push_back(c - 'a');
      scratch.word = letters;
      bpe.merge_short(scratch);
      ASSERT_EQ(scratch.word, expected) << word;
      scratch.word = letters;
      bpe.merge_long(scratch);
      ASSERT_EQ(scratch.word, expected) << word;
      Tokens got;
      bpe.encode(word, scratch, got);
      ASSERT_EQ(got, expected) << word;
      got.clear();
      bpe.encode(word, scratch, got);  // from the cache now, if it is short
      ASSERT_EQ(got, expected) << word;
    }
  }
}

TEST(Bpe, LongWordsTakeNoQuadraticTime) {
  Random made(2, 200, 3);
  const Bpe bpe(made.vocabulary, made.merges, {});
  BpeScratch scratch;
  std::string word(1 << 20, 'a');
  for (std::size_t i = 0; i < word.size(); i += 3) word[i] = 'b';
  Tokens ids;
  bpe.encode(word, scratch, ids);
  std::string back;
  for (const Token id : ids) back += made.vocabulary.bytes(id);
  EXPECT_EQ(back, word);
  EXPECT_LT(ids.size(), word.size());
}

TEST(Bpe, IgnoreMergesTakesTheWholePiece) {
  const Vocabulary vocabulary({{0, "a"}, {1, "b"}, {2, "c"}, {3, "ab"}, {4, "abc"}},
                              Alphabet::bytes, 10, "test");
  BpeScratch scratch;
  Tokens ids;
  Bpe(vocabulary, {{0, 1, 3, 0}}, {}).encode("abc", scratch, ids);
  EXPECT_EQ(ids, (Tokens{3, 2}));
  ids.clear();
  BpeScratch fresh;
  Bpe(vocabulary, {{0, 1, 3, 0}}, {.ignore_merges = true}).encode("abc", fresh, ids);
  EXPECT_EQ(ids, (Tokens{4}));
}

TEST(Bpe, CharactersWithoutATokenVanishOrAreUnknown) {
  const Vocabulary bytes({{0, "a"}, {1, "?"}}, Alphabet::bytes, 10, "test");
  const auto encode = [](const Vocabulary& vocabulary, BpeOptions options, const char* text) {
    BpeScratch scratch;
    Tokens ids;
    Bpe(vocabulary, {}, options).encode(text, scratch, ids);
    return ids;
  };
  EXPECT_EQ(encode(bytes, {}, "axxa"), (Tokens{0, 0}));
  EXPECT_EQ(encode(bytes, {.unknown = 1}, "axxa"), (Tokens{0, 1, 1, 0}));
  EXPECT_EQ(encode(bytes, {.fuse_unknown = true, .unknown = 1}, "axxax"), (Tokens{0, 1, 0, 1}));

  const Vocabulary characters({{0, "é"}, {1, "<unk>"}, {2, "<0xC3>"}, {3, "<0xA4>"}},
                              Alphabet::characters, 10, "test");
  EXPECT_EQ(encode(characters, {.byte_fallback = true, .unknown = 1}, "éä漢"),
            (Tokens{0, 2, 3, 1}));
  EXPECT_EQ(encode(characters, {.unknown = 1}, "éä"), (Tokens{0, 1}));
}

TEST(PieceCache, KeepsItsSizeAndForgets) {
  Random made(3, 60, 1);
  const Bpe bpe(made.vocabulary, made.merges, {});
  BpeScratch cached;
  std::mt19937 random(2);
  for (int i = 0; i < 100000; ++i) {
    std::string word(1 + random() % 14, 'a');
    for (char& c : word) c = static_cast<char>('a' + random() % 3);
    Tokens with;
    Tokens without;
    bpe.encode(word, cached, with);
    bpe.encode_uncached(word, cached, without);
    ASSERT_EQ(with, without) << word;
  }
}

}  // namespace
