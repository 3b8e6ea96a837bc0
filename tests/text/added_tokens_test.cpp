#include "hone/text/added_tokens.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace hone::text;

// The text with every token found as its id in brackets and texts between bars.
std::string found(const std::vector<AddedToken>& tokens, std::string_view text,
                  bool skip_special = false) {
  const AddedTokens added(tokens, Vocabulary(), {}, "test");
  RegexScratch scratch;
  std::string out;
  added.split_raw(text, skip_special, scratch,
                  [&](const AddedToken* token, std::size_t begin, std::size_t end) {
                    if (token != nullptr)
                      out += "[" + std::to_string(token->id) + "]";
                    else
                      out += "|" + std::string(text.substr(begin, end - begin)) + "|";
                  });
  return out;
}

TEST(AddedTokens, LeftmostThenLongest) {
  const std::vector<AddedToken> tokens{{0, "<a>"}, {1, "<a>b"}, {2, "a>"}, {3, "漢"}};
  EXPECT_EQ(found(tokens, "x<a>y"), "|x|[0]|y|");
  EXPECT_EQ(found(tokens, "<a>b<a>"), "[1][0]");
  EXPECT_EQ(found(tokens, "a>b<a"), "[2]|b<a|");
  EXPECT_EQ(found(tokens, "字漢字"), "|字|[3]|字|");
  EXPECT_EQ(found(tokens, ""), "");
  EXPECT_EQ(found({}, "abc"), "|abc|");
}

TEST(AddedTokens, StrippingAndSingleWords) {
  AddedToken left{0, "<l>"};
  left.lstrip = true;
  AddedToken right{1, "<r>"};
  right.rstrip = true;
  AddedToken word{2, "the"};
  word.single_word = true;
  const std::vector<AddedToken> tokens{left, right, word};
  EXPECT_EQ(found(tokens, "a \n\u3000<l> b"), "|a|[0]| b|");
  EXPECT_EQ(found(tokens, "a <r>\t\u2003b"), "|a |[1]|b|");
  EXPECT_EQ(found(tokens, "x <r>  <l> y"), "|x |[1][0]| y|");
  EXPECT_EQ(found(tokens, "the other; then_the the"), "[2]| other; then_the |[2]");
  EXPECT_EQ(found(tokens, "éthe the\u0301 (the)"), "|éthe the\u0301 (|[2]|)|");
}

TEST(AddedTokens, SpecialOnesCanBeMereText) {
  AddedToken user{1, "<u>"};
  user.special = false;
  EXPECT_EQ(found({{0, "<s>"}, user}, "a<s>b<u>", true), "|a<s>b|[1]");
}

TEST(AddedTokens, TheirIdsAreThoseTheyWouldGet) {
  const auto error = [](std::vector<AddedToken> tokens, bool with_vocabulary = true) {
    const Vocabulary vocabulary =
        with_vocabulary ? Vocabulary({{0, "a"}, {1, "b"}}, Alphabet::bytes, 10, "t") : Vocabulary();
    try {
      const AddedTokens added(tokens, vocabulary, {}, "file");
    } catch (const hone::Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(error({{2, "<x>"}, {3, "<y>"}, {1, "b"}}), "");
  EXPECT_EQ(error({{3, "<x>"}}),
            "file: added_tokens[0]: \"<x>\" has id 3, expected 2, the next that is free");
  EXPECT_EQ(error({{2, "<x>"}, {0, "b"}}),
            "file: added_tokens[1]: \"b\" has id 0, expected 1, its id in the vocabulary");
  EXPECT_EQ(error({{2, "<x>"}, {3, "<x>"}}), "file: added_tokens[1]: \"<x>\" is there twice");
  EXPECT_EQ(error({{2, ""}}), "file: added_tokens[0]: content is empty");
}

TEST(AddedTokens, NormalizedOnesAreFoundInNormalizedText) {
  AddedToken token{0, "ﬁ"};
  token.normalized = true;
  const AddedTokens added({token}, Vocabulary(), {NormalForm{NormalForm::nfkc}}, "test");
  RegexScratch scratch;
  int matches = 0;
  const auto count = [&](const AddedToken* t, std::size_t, std::size_t) {
    matches += t != nullptr;
  };
  added.split_raw("ﬁ fi", false, scratch, count);
  EXPECT_EQ(matches, 0);
  added.split_normalized("fi fi", false, scratch, count);
  EXPECT_EQ(matches, 2);
}

}  // namespace
