#include "hone/text/utf8.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace hone::text;
using namespace std::string_literals;

TEST(Utf8, EveryCharacterSurvives) {
  std::size_t characters = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string s;
    append_utf8(s, c);
    const Utf8Step step = utf8_at(s, 0);
    ASSERT_EQ(step.kind, Utf8Step::whole) << std::hex << static_cast<unsigned>(c);
    ASSERT_EQ(step.character, c);
    ASSERT_EQ(step.length, s.size());
    ++characters;
  }
  EXPECT_EQ(characters, 0x110000u - 0x800u);
}

// Right sides are what Python's bytes.decode("utf-8", errors="replace") gives; U+FFFD is '?' here.
TEST(Utf8, InvalidBytesAreReplacedAsPythonDoes) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", ""},
      {"plain", "plain"},
      {"\xFF", "?"},
      {"\x80\x80", "??"},
      {"\xC0\x80", "??"},  // overlong
      {"\xC2", "?"},       // cut
      {"\xC2x", "?x"},
      {"\xE4\xBD", "?"},
      {"\xE4\xBDx\xE4", "?x?"},
      {"\xE0\x80\x80", "???"},  // overlong
      {"\xED\xA0\x80", "???"},  // a surrogate
      {"\xED\x9F\xBF", "\xED\x9F\xBF"},
      {"\xF0\x9F\x98", "?"},
      {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
      {"\xF0\x80\x80\x80", "????"},
      {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
      {"\xF4\x90\x80\x80", "????"},  // beyond U+10FFFF
      {"\xF5\x80", "??"},
      {"a\xE4\xBD\xA0\xE4\xBD"
       "b",
       "a\xE4\xBD\xA0?b"},
      {"\xF0\x9F\xF0\x9F\x98\x80\xF0", "?\xF0\x9F\x98\x80?"},
      {"nul\0x"s, "nul\0x"s},
  };
  for (const auto& [bytes, pattern] : cases) {
    std::string expected;
    for (const char c : pattern)
      if (c == '?')
        expected += replacement_character;
      else
        expected += c;
    EXPECT_EQ(replace_invalid_utf8(bytes), expected) << pattern;
    EXPECT_EQ(is_valid_utf8(bytes), bytes == expected) << pattern;
  }
}

TEST(Utf8Stream, GivesTheSameWhereverTheStreamIsCut) {
  std::mt19937 random(1);
  const std::string alphabet = "ab\x80\xBF\xC2\xC3\xE0\xA0\xE4\xBD\xED\x9F\xF0\x9F\x98\xF4\x8F\xFF";
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 12, ' ');
    for (char& b : bytes) b = alphabet[random() % alphabet.size()];
    Utf8Stream stream;
    std::string out;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t n = random() % 4;
      const std::size_t before = out.size();
      stream.feed(std::string_view(bytes).substr(at, n), out);
      ASSERT_TRUE(is_valid_utf8(std::string_view(out).substr(before)));
      at += n;
    }
    stream.flush(out);
    ASSERT_EQ(out, replace_invalid_utf8(bytes));
    ASSERT_FALSE(stream.holds_half_a_character());
  }
}

TEST(Utf8Stream, HoldsBackWhatMayBecomeACharacter) {
  Utf8Stream stream;
  std::string out;
  stream.feed("a\xF0\x9F", out);
  EXPECT_EQ(out, "a");
  EXPECT_TRUE(stream.holds_half_a_character());
  stream.feed("\x98", out);
  EXPECT_EQ(out, "a");
  stream.feed("\x80", out);
  EXPECT_EQ(out, "a\xF0\x9F\x98\x80");
  EXPECT_FALSE(stream.holds_half_a_character());
  stream.feed("\xE4", out);
  stream.flush(out);
  EXPECT_EQ(out, "a\xF0\x9F\x98\x80\xEF\xBF\xBD");
}

}  // namespace
