// UTF-8 in and out, one character at a time, and the one rule for bytes that are no UTF-8.
//
// Invalid bytes become U+FFFD, one for each maximal part of a character that could not be
// completed: what Python's bytes.decode("utf-8", errors="replace"), Rust's from_utf8_lossy and the
// Unicode standard (section 3.9, table 3-8) do. "\xE4\xBD" gives one U+FFFD, "\xFF\xFF" two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace text {

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  // U+FFFD

// What stands at some byte of a text.
struct Utf8Step {
  enum Kind : std::uint8_t {
    whole,    // a character of `length` bytes
    invalid,  // `length` bytes that belong to no character; one U+FFFD stands for them
    cut,      // the text ends inside a character, after `length` of its bytes
  };
  char32_t character = 0;
  std::uint8_t length = 0;
  Kind kind = invalid;
};

// Reads the character at byte `at` < s.size().
inline Utf8Step utf8_at(std::string_view s, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[at + i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1, Utf8Step::whole};
  if (lead < 0xC2 || lead > 0xF4) return {0, 1, Utf8Step::invalid};
  const std::uint8_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t character = lead & (0x7Fu >> length);
  for (std::uint8_t i = 1; i < length; ++i) {
    if (at + i >= s.size()) return {0, i, Utf8Step::cut};
    const unsigned next = byte(i);
    if (next < low || next > high) return {0, i, Utf8Step::invalid};
    character = character << 6 | (next & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {character, length, Utf8Step::whole};
}

inline void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

// Number of leading bytes of `s` that are valid UTF-8.
inline std::size_t valid_utf8_prefix(std::string_view s) {
  std::size_t at = 0;
  while (at < s.size()) {
    if (at + 8 <= s.size()) {  // eight ASCII characters at once
      std::uint64_t eight;
      std::memcpy(&eight, s.data() + at, 8);
      if ((eight & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const Utf8Step step = utf8_at(s, at);
    if (step.kind != Utf8Step::whole) return at;
    at += step.length;
  }
  return at;
}

inline bool is_valid_utf8(std::string_view s) { return valid_utf8_prefix(s) == s.size(); }

// Turns a stream of bytes into a stream of whole characters, wherever the stream is cut.
//
//   out of feed(a), feed(b), flush()  ==  replace_invalid_utf8(a + b)
class Utf8Stream {
 public:
  // Appends to `out` every character that `bytes` completes; holds back at most three bytes.
  void feed(std::string_view bytes, std::string& out) {
    while (!held_.empty() && !bytes.empty()) {
      held_.push_back(bytes.front());
      const Utf8Step step = utf8_at(held_, 0);
      if (step.kind == Utf8Step::invalid && step.length < held_.size()) {
        // The new byte does not continue what was held: it begins something else.
        out += replacement_character;
        held_.clear();
        break;
      }
      bytes.remove_prefix(1);
      if (step.kind == Utf8Step::cut) continue;
      out += step.kind == Utf8Step::whole ? std::string_view(held_) : replacement_character;
      held_.clear();
    }
    while (!bytes.empty()) {
      const std::size_t good = valid_utf8_prefix(bytes);
      out += bytes.substr(0, good);
      bytes.remove_prefix(good);
      if (bytes.empty()) return;
      const Utf8Step step = utf8_at(bytes, 0);
      if (step.kind == Utf8Step::cut) {
        held_ = bytes;
        return;
      }
      out += replacement_character;
      bytes.remove_prefix(step.length);
    }
  }

  // Ends the stream: half a character becomes U+FFFD.
  void flush(std::string& out) {
    if (!held_.empty()) out += replacement_character;
    held_.clear();
  }

  bool holds_half_a_character() const { return !held_.empty(); }

 private:
  std::string held_;  // the first bytes of a character, or nothing
};

inline std::string replace_invalid_utf8(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  Utf8Stream stream;
  stream.feed(s, out);
  stream.flush(out);
  return out;
}

// Unicode's White_Space property, stable since Unicode 6.3.
inline bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

}  // namespace text
}  // namespace v0
}  // namespace hone
