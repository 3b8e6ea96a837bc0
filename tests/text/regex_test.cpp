#include "hone/text/regex.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "hone/text/utf8.hpp"

namespace {

using namespace hone::text;

std::string error_of(const std::string& pattern) {
  try {
    Regex regex(pattern, "file.json: pre_tokenizer");
  } catch (const hone::Error& error) {
    return error.what();
  }
  return "";
}

TEST(Regex, FindsTheFirstMatchFromAPlace) {
  const Regex regex(R"(\p{L}+)", "test");
  RegexScratch scratch;
  Match match;
  const std::string text = "12 äb, cd";
  ASSERT_TRUE(regex.find(text, 0, scratch, match));
  EXPECT_EQ(match, (Match{3, 6}));
  ASSERT_TRUE(regex.find(text, match.end, scratch, match));
  EXPECT_EQ(match, (Match{8, 10}));
  EXPECT_FALSE(regex.find(text, match.end, scratch, match));
  EXPECT_FALSE(regex.find("", 0, scratch, match));
}

// White_Space is what the original's \s is; PCRE2's own has U+180E too.
TEST(Regex, WhiteSpaceIsUnicodes) {
  const Regex space(R"(\s)", "test");
  const Regex other(R"(\S)", "test");
  const Regex in_class(R"([\s])", "test");
  const Regex not_in_class(R"([^\S])", "test");
  RegexScratch scratch;
  Match match;
  std::size_t spaces = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string s;
    append_utf8(s, c);
    const bool expected = is_white_space(c);
    spaces += expected;
    ASSERT_EQ(space.find(s, 0, scratch, match), expected) << std::hex << static_cast<unsigned>(c);
    ASSERT_EQ(other.find(s, 0, scratch, match), !expected) << std::hex << static_cast<unsigned>(c);
    ASSERT_EQ(in_class.find(s, 0, scratch, match), expected);
    ASSERT_EQ(not_in_class.find(s, 0, scratch, match), expected);
  }
  EXPECT_EQ(spaces, 25u);
}

TEST(Regex, RefusesWhatItCouldOnlyDoDifferently) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"([a[bc]])", "class inside a class"},
      {R"([a-z&&[^b]])", "intersection"},
      {R"([[:alpha:]])", "class inside a class"},
      {R"([\W])", "\\W inside a class"},
      {R"(a{1,3}+)", "after a counted repeat"},
      {R"(a{2}?)", "after a fixed count"},
      {R"(a(?i)b)", "a group that is none of"},
      {R"((?<name>a))", "a group that is none of"},
      {R"((a)\1)", "\\1 is not among the escapes"},
      {R"(\Qa\E)", "\\Q is not among the escapes"},
      {R"(\X)", "\\X is not among the escapes"},
      {R"(\pL)", "\\p{...}"},
      {R"(\xE9)", "\\x"},
      {R"(\u12)", "four hexadecimal digits"},
      {"a\\", "ends with a backslash"},
      {"[a", "not closed"},
      {"(?i:grosse)", "ligatures"},
      {"(a", "missing closing parenthesis"},
      {R"(\p{Klingon})", "unknown property"},
  };
  for (const auto& [pattern, expected] : cases) {
    const std::string error = error_of(pattern);
    EXPECT_NE(error.find(expected), std::string::npos) << pattern << ": " << error;
    EXPECT_TRUE(error.starts_with("file.json: pre_tokenizer: pattern ")) << error;
  }
}

// A pattern that a hostile file could bring gives up with an error.
TEST(Regex, GivesUpOnExplosivePatterns) {
  const Regex regex("(a+)+$b", "test");
  RegexScratch scratch;
  Match match;
  try {
    std::string text(60, 'a');
    text.push_back('c');
    EXPECT_FALSE(regex.find(text, 0, scratch, match));
  } catch (const hone::Error& error) {
    EXPECT_NE(std::string(error.what()).find("gave up"), std::string::npos) << error.what();
  }
}

TEST(Regex, LongTextsNeedNoDeepStack) {
  const Regex regex(R"((?:a|b)+|\s+(?!\S)|\s+)", "test");
  RegexScratch scratch;
  Match match;
  const std::string text(1 << 20, 'a');
  ASSERT_TRUE(regex.find(text, 0, scratch, match));
  EXPECT_EQ(match.end, text.size());
}

}  // namespace
