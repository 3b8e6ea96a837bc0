// GPT-2's spelling of bytes: each of the 256 bytes is written as one printable character, so that
// a vocabulary of byte strings can be stored as a vocabulary of text ("\xE4\xBD" is "ä½", " a" is
// "Ġa"). Bytes that Latin-1 prints stand for themselves, the other 68 are U+0100, U+0101, ...
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "hone/text/utf8.hpp"

namespace hone {
inline namespace v0 {
namespace text {

namespace detail {

struct ByteSpelling {
  std::array<char32_t, 256> character{};    // byte -> character
  std::array<short, 0x100 + 68> byte_of{};  // character -> byte, -1 where there is none

  constexpr ByteSpelling() {
    byte_of.fill(-1);
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xFF && b != 0xAD);
      character[b] = printable ? b : next++;
      byte_of[character[b]] = static_cast<short>(b);
    }
  }
};

inline constexpr ByteSpelling byte_spelling{};

}  // namespace detail

inline void append_spelling(std::string& out, std::string_view bytes) {
  for (const char b : bytes)
    append_utf8(out, detail::byte_spelling.character[static_cast<unsigned char>(b)]);
}

inline std::string spell(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  append_spelling(out, bytes);
  return out;
}

// Appends the bytes that `spelling` stands for. False, and nothing appended, if it holds a
// character that stands for no byte.
inline bool append_unspelled(std::string& out, std::string_view spelling) {
  const std::size_t before = out.size();
  for (std::size_t at = 0; at < spelling.size();) {
    const Utf8Step step = utf8_at(spelling, at);
    const bool known = step.kind == Utf8Step::whole &&
                       step.character < detail::byte_spelling.byte_of.size() &&
                       detail::byte_spelling.byte_of[step.character] >= 0;
    if (!known) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(detail::byte_spelling.byte_of[step.character]));
    at += step.length;
  }
  return true;
}

}  // namespace text
}  // namespace v0
}  // namespace hone
