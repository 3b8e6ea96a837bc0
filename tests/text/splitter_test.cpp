#include "hone/text/splitter.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reference_cases.hpp"

namespace {

using namespace hone::text;
using Strings = std::vector<std::string>;

Strings split(const std::vector<PreTokenizer>& steps, std::string_view text) {
  const Splitter splitter(steps, "test");
  Pieces pieces;
  splitter(text, true, pieces);
  Strings out;
  for (std::size_t i = 0; i < pieces.ranges.size(); ++i) out.emplace_back(pieces[i]);
  return out;
}

TEST(Splitter, BehavioursDoWhatTheirCommentsSay) {
  const std::string text = "the-final--countdown";
  const auto at_dashes = [&](SplitBehavior behavior) {
    return split({Split{"-", true, behavior}}, text);
  };
  EXPECT_EQ(at_dashes(SplitBehavior::removed), (Strings{"the", "final", "countdown"}));
  EXPECT_EQ(at_dashes(SplitBehavior::isolated),
            (Strings{"the", "-", "final", "-", "-", "countdown"}));
  EXPECT_EQ(at_dashes(SplitBehavior::merged_with_previous),
            (Strings{"the-", "final-", "-", "countdown"}));
  EXPECT_EQ(at_dashes(SplitBehavior::merged_with_next),
            (Strings{"the", "-final", "-", "-countdown"}));
  EXPECT_EQ(at_dashes(SplitBehavior::contiguous),
            (Strings{"the", "-", "final", "--", "countdown"}));
}

TEST(Splitter, FamiliesSplitAsKnown) {
  const std::string text = "I'LL say 12345 things,\n\n  ok";
  EXPECT_EQ(split({ByteLevel{}}, text),
            (Strings{"I", "'", "LL", " say", " 12345", " things", ",", "\n\n ", " ok"}));
  EXPECT_EQ(split({Digits{true}, ByteLevel{}}, "a12 b"), (Strings{"a", "1", "2", " b"}));
  EXPECT_EQ(split({Digits{false}, ByteLevel{}}, "a12 b"), (Strings{"a", "12", " b"}));
  const Split llama{std::string(split_pattern::llama3)};
  EXPECT_EQ(split({llama, ByteLevel{false, false}}, text),
            (Strings{"I", "'LL", " say", " ", "123", "45", " things", ",\n\n", " ", " ok"}));
  const Split qwen{std::string(split_pattern::qwen2)};
  EXPECT_EQ(split({qwen, ByteLevel{false, false}}, "x 12"), (Strings{"x", " ", "1", "2"}));
}

TEST(Splitter, PrefixSpaceAndSpelling) {
  EXPECT_EQ(split({ByteLevel{true, true}}, "a b"), (Strings{" a", " b"}));
  EXPECT_EQ(split({ByteLevel{true, true}}, " a"), (Strings{" a"}));
  // A step behind ByteLevel sees spelled bytes.
  EXPECT_EQ(split({ByteLevel{}, Split{"Ġ", true}}, "a é"), (Strings{"a", "Ġ", "Ã©"}));
  EXPECT_EQ(split({Metaspace{}}, "a b"), (Strings{"▁a", "▁b"}));
  EXPECT_EQ(split({Metaspace{"▁", Metaspace::never, false}}, "a b"), (Strings{"a▁b"}));
  EXPECT_EQ(split({Punctuation{SplitBehavior::contiguous}, ByteLevel{}}, "a!?b"),
            (Strings{"a", "!?", "b"}));
}

TEST(Splitter, RefusesSpellingTwice) {
  EXPECT_THROW(Splitter({ByteLevel{}, ByteLevel{}}, "test"), hone::Error);
  EXPECT_THROW(Splitter({Split{""}}, "test"), hone::Error);
}

// Every pattern and behaviour against the tokenizers package.
TEST(Splitter, EqualsTheTokenizersPackage) {
  HONE_GOLDENS(folder, reference::script);
  std::ifstream lines(folder / "splits.jsonl");
  ASSERT_TRUE(lines.good());
  const Regex unassigned(R"(\p{Cn})", "test");
  RegexScratch scratch;
  std::size_t compared = 0;
  std::size_t excluded = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto test = nlohmann::json::parse(line);
    const std::string behaviour = test[2];
    const SplitBehavior behavior =
        behaviour == "removed"                ? SplitBehavior::removed
        : behaviour == "isolated"             ? SplitBehavior::isolated
        : behaviour == "merged_with_previous" ? SplitBehavior::merged_with_previous
        : behaviour == "merged_with_next"     ? SplitBehavior::merged_with_next
                                              : SplitBehavior::contiguous;
    const std::string text = test[4];
    const Splitter splitter(
        {Split{test[0].get<std::string>(), test[1].get<bool>(), behavior, test[3].get<bool>()}},
        "test");
    Pieces pieces;
    splitter(text, true, pieces);
    auto got = nlohmann::json::array();
    for (const auto& range : pieces.ranges) got.push_back({range.begin, range.end});
    Match match;
    if (got != test[5] && unassigned.find(text, 0, scratch, match)) {
      ++excluded;
      continue;
    }
    ++compared;
    ASSERT_EQ(got.dump().substr(0, 2000), test[5].dump().substr(0, 2000))
        << "pattern " << test[0] << ", " << behaviour << (test[3] ? ", inverted" : "") << ", on "
        << reference::printable(text);
    ASSERT_EQ(got, test[5]);
  }
  EXPECT_GT(compared, 15000u);
  std::cout << compared << " texts split alike, " << excluded
            << " left out for characters that PCRE2's Unicode does not know\n";
}

}  // namespace
