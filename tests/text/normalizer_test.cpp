#include "hone/text/normalizer.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reference_cases.hpp"

namespace {

using namespace hone::text;

std::string nfc(std::string_view s) {
  std::string storage;
  return std::string(normalize(s, {NormalForm{NormalForm::nfc}}, storage));
}

TEST(Normalizer, ComposesCanonically) {
  EXPECT_EQ(nfc("e\u0301"), "é");
  EXPECT_EQ(nfc("\u212B"), "Å");                   // a singleton
  EXPECT_EQ(nfc("a\u0302\u0323"), "ậ");            // reordered, then composed
  EXPECT_EQ(nfc("\u1112\u1161\u11AB"), "한");      // Hangul
  EXPECT_EQ(nfc("\uD55C\u11AB"), "\uD55C\u11AB");  // has a final consonant already
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093C");        // excluded from composition
  EXPECT_EQ(nfc(std::string_view("a\0e\u0301", 5)), std::string_view("a\0é", 4));
  EXPECT_EQ(nfc(""), "");
}

TEST(Normalizer, StepsApplyInOrder) {
  std::string storage;
  const std::vector<Normalizer> steps{Prepend{"▁"}, Replace{" ", "▁"}};
  EXPECT_EQ(normalize("a b  c", steps, storage), "▁a▁b▁▁c");
  EXPECT_EQ(normalize("", steps, storage), "");
  EXPECT_EQ(normalize("ﬁ²", {NormalForm{NormalForm::nfkc}, Replace{"2", "two"}}, storage), "fitwo");
}

// The short cut leaves a text alone only if no character in it is changed by NFC, reorders, or
// composes with one before.
TEST(Normalizer, ShortCutIsSafe) {
  std::set<char32_t> composes_backwards;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string s;
    append_utf8(s, c);
    const std::string apart = detail::normal_form(s, NormalForm::nfd);
    for (std::size_t at = utf8_at(apart, 0).length; at < apart.size();) {
      const Utf8Step step = utf8_at(apart, at);
      composes_backwards.insert(step.character);
      at += step.length;
    }
  }
  EXPECT_GT(composes_backwards.size(), 100u);
  std::size_t inert = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if ((c >= 0xD800 && c < 0xE000) || !detail::is_nfc_inert(c)) continue;
    ++inert;
    std::string s;
    append_utf8(s, c);
    ASSERT_EQ(detail::normal_form(s, NormalForm::nfc), s) << std::hex << static_cast<unsigned>(c);
    ASSERT_EQ(composes_backwards.count(c), 0u) << std::hex << static_cast<unsigned>(c);
    // A mark before and after it stays where it is: its combining class is 0.
    const std::string around = "a\u0345" + s + "\u0334";
    ASSERT_EQ(detail::normal_form(around, NormalForm::nfc), around)
        << std::hex << static_cast<unsigned>(c);
  }
  EXPECT_GT(inert, 35000u);
}

// Against Python's unicodedata, all characters and sequences of marks.
TEST(Normalizer, EqualsUnicodedata) {
  HONE_GOLDENS(folder, "tokenizer/make_normal_forms.py");
  const reference::Blobs texts(folder / "texts.bin");
  const char* const names[] = {"NFC", "NFD", "NFKC", "NFKD"};
  std::size_t compared = 0;
  std::size_t excluded = 0;
  for (int form = 0; form < 4; ++form) {
    const reference::Blobs expected(folder / (std::string(names[form]) + ".bin"));
    ASSERT_EQ(texts.size(), expected.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      std::string storage;
      const auto got =
          normalize(texts[i], {NormalForm{static_cast<NormalForm::Form>(form)}}, storage);
      if (got != expected[i]) {
        bool unassigned = false;
        for (std::size_t at = 0; at < texts[i].size();) {
          const Utf8Step step = utf8_at(texts[i], at);
          unassigned =
              unassigned || utf8proc_category(static_cast<utf8proc_int32_t>(step.character)) ==
                                UTF8PROC_CATEGORY_CN;
          at += step.length;
        }
        if (unassigned) {
          ++excluded;
          continue;
        }
      }
      ++compared;
      ASSERT_EQ(reference::printable(got), reference::printable(expected[i]))
          << names[form] << " of " << reference::printable(texts[i]);
    }
  }
  EXPECT_GT(compared, 500000u);
  std::cout << compared << " normal forms equal, " << excluded
            << " left out for characters that utf8proc's Unicode does not know\n";
}

}  // namespace
