#include "hone/text/vocabulary.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace hone::text;

template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const hone::Error& error) {
    return error.what();
  }
  return "";
}

TEST(Vocabulary, FindsTokensByBytesAndBySpelling) {
  const Vocabulary v({{0, "a"}, {5, "Ġthe"}, {2, "<|x y|>"}, {3, "▁"}}, Alphabet::bytes, 10, "t");
  EXPECT_EQ(v.count(), 4u);
  EXPECT_EQ(v.end(), 6);
  EXPECT_EQ(v.bytes(5), " the");
  EXPECT_EQ(v.spelling(5), "Ġthe");
  EXPECT_EQ(v.of_bytes(" the"), 5);
  EXPECT_EQ(v.of_spelling("Ġthe"), 5);
  EXPECT_EQ(v.of_spelling(" the"), std::nullopt);
  // Spellings that are none of bytes: no text becomes them, but they have a name.
  EXPECT_EQ(v.of_bytes("<|x y|>"), std::nullopt);
  EXPECT_EQ(v.of_spelling("<|x y|>"), 2);
  EXPECT_EQ(v.spelling(2), "<|x y|>");
  EXPECT_EQ(v.bytes(3), "▁");
  for (const hone::Token id : {-1, 1, 4, 6, 1000}) {
    EXPECT_FALSE(v.contains(id));
    EXPECT_EQ(v.bytes(id), "");
    EXPECT_EQ(v.spelling(id), "");
  }
  EXPECT_EQ(Vocabulary().of_bytes("a"), std::nullopt);
  EXPECT_EQ(Vocabulary().end(), 0);
}

TEST(Vocabulary, CharactersStandForThemselves) {
  const Vocabulary v({{0, "Ġ"}, {1, "▁a"}, {2, ""}}, Alphabet::characters, 3, "t");
  EXPECT_EQ(v.of_bytes("Ġ"), 0);
  EXPECT_EQ(v.of_spelling("▁a"), 1);
  EXPECT_EQ(v.of_spelling(""), 2);
  EXPECT_EQ(v.spelling(0), "Ġ");
}

TEST(Vocabulary, RefusesWhatCannotBe) {
  using Tokens = std::vector<std::pair<hone::Token, std::string>>;
  const auto make = [](Tokens tokens) {
    return error_of([&] { Vocabulary(tokens, Alphabet::bytes, 10, "file: vocab"); });
  };
  EXPECT_EQ(make({{0, "a"}, {10, "b"}}), "file: vocab: token \"b\" has id 10, expected 0 to 9");
  EXPECT_EQ(make({{-1, "a"}}), "file: vocab: token \"a\" has id -1, expected 0 to 9");
  EXPECT_EQ(make({{1, "a"}, {1, "b"}}), "file: vocab: tokens \"a\" and \"b\" both have id 1");
  EXPECT_EQ(make({{1, "a"}, {2, "a"}}), "file: vocab: token \"a\" has the ids 1 and 2");
  EXPECT_EQ(make({{1, "a b"}, {2, "a b"}}), "file: vocab: token \"a b\" has the ids 1 and 2");
}

}  // namespace
