#include "hone/text/byte_level.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace {

using namespace hone::text;

TEST(ByteLevel, SpellsAsGpt2Does) {
  EXPECT_EQ(spell(" the"), "Ġthe");
  EXPECT_EQ(spell("\n"), "Ċ");
  EXPECT_EQ(spell("\t"), "ĉ");
  EXPECT_EQ(spell("é"), "Ã©");
  EXPECT_EQ(spell("\xAD"), "Ń");
  EXPECT_EQ(spell("\x7F"), "ġ");
  EXPECT_EQ(spell("你"), "ä½ł");
}

TEST(ByteLevel, EveryByteHasItsOwnPrintableCharacter) {
  std::set<std::string> spellings;
  for (int b = 0; b < 256; ++b) {
    const std::string byte(1, static_cast<char>(b));
    const std::string spelling = spell(byte);
    EXPECT_TRUE(spellings.insert(spelling).second) << b;
    std::string back = "kept ";
    EXPECT_TRUE(append_unspelled(back, spelling));
    EXPECT_EQ(back, "kept " + byte);
  }
}

TEST(ByteLevel, RefusesWhatSpellsNoByte) {
  for (const char* other : {"a b", "▁", "ń?\n", "Ġ漢", "\xFF"}) {
    std::string out = "kept";
    EXPECT_FALSE(append_unspelled(out, other)) << other;
    EXPECT_EQ(out, "kept") << other;
  }
}

}  // namespace
