// Split patterns are written for Oniguruma, the engine of the tokenizers package; PCRE2 runs them
// here. The two agree on most of what such patterns use. This header rewrites what they spell or
// understand differently and refuses, by name, what PCRE2 could only do differently.
//
// Rewritten: \s and \S (PCRE2's include U+180E), \w \W \b \B (PCRE2's know no marks), \h (a
// hexadecimal digit), \v, \uHHHH, {,n}, (?m) (PCRE2's s) and [:space:].
#pragma once

#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace detail {

// Members of a character class. White_Space; and Oniguruma's \w: Alphabetic (letters, letter
// numbers and the circled and squared symbols), marks, decimal digits, connectors; outside of a
// class Latin-1's other numbers too.
inline constexpr std::string_view white_space_members = R"(\p{Z}\t-\r\x{85})";
inline constexpr std::string_view alphabetic_members =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24B6}-\x{24E9})"
    R"(\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";
inline std::string word_members() {
  return std::string(alphabetic_members) + R"(\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
}

class OnigurumaRewriter {
 public:
  OnigurumaRewriter(std::string_view pattern, std::string_view where)
      : in_(pattern), where_(where) {}

  std::string rewrite() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        escape();
      } else if (c == '[') {
        character_class();
      } else if (c == '(' && next_is("(?")) {
        group();
      } else if (c == '{') {
        interval();
      } else {
        out_ += c;
        ++at_;
      }
    }
    check_case_folding();
    return std::move(out_);
  }

 private:
  bool next_is(std::string_view s) const { return in_.substr(at_).starts_with(s); }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(where_, ": pattern ", in_, ", at byte ", at_, ": ", parts...);
  }

  // The letter after the backslash at at_.
  char escaped() const {
    if (at_ + 1 >= in_.size()) refuse("ends with a backslash");
    return in_[at_ + 1];
  }

  void copy(std::size_t n) {
    out_ += in_.substr(at_, n);
    at_ += n;
  }

  void replace(std::size_t n, std::string_view with) {
    out_ += with;
    at_ += n;
  }

  static std::string set(std::string_view members, bool inverted = false) {
    return (inverted ? "[^" : "[") + std::string(members) + "]";
  }

  void escape() {
    const std::string word = set(word_members());
    switch (escaped()) {
      case 's':
        return replace(2, set(white_space_members));
      case 'S':
        return replace(2, set(white_space_members, true));
      case 'w':
        return replace(2, word);
      case 'W':
        return replace(2, set(word_members(), true));
      case 'h':
        return replace(2, "[0-9A-Fa-f]");
      case 'H':
        return replace(2, "[^0-9A-Fa-f]");
      case 'b':
        return replace(2,
                       "(?:(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + "))");
      case 'B':
        return replace(2,
                       "(?:(?<=" + word + ")(?=" + word + ")|(?<!" + word + ")(?!" + word + "))");
      case 'A':
      case 'z':
      case 'Z':
      case 'R':
        return copy(2);
      default:
        return common_escape();
    }
  }

  // What means the same inside and outside of a class.
  void common_escape() {
    const char c = escaped();
    switch (c) {
      case 'd':
      case 'D':
      case 'n':
      case 'r':
      case 't':
      case 'f':
      case 'a':
      case 'e':
        return copy(2);
      case 'x': {
        const bool braced = next_is("\\x{");
        const std::size_t end = braced ? in_.find('}', at_) : at_ + 4;
        const std::string_view hex = in_.substr(at_ + 2 + braced, end - at_ - 2 - braced);
        bool good = end <= in_.size() && !hex.empty() && (braced || hex[0] < '8');
        for (const char h : hex) good = good && std::isxdigit(static_cast<unsigned char>(h));
        if (!good) refuse("\\x needs two digits below 80, or {digits}");
        return copy(end + braced - at_);
      }
      case 'v':
        return replace(2, "\\x0B");
      case 'u': {
        const std::string_view hex = in_.substr(at_ + 2, 4);
        bool good = hex.size() == 4;
        for (const char h : hex) good = good && std::isxdigit(static_cast<unsigned char>(h));
        if (!good) refuse("\\u needs four hexadecimal digits");
        return replace(6, "\\x{" + std::string(hex) + "}");
      }
      case 'p':
      case 'P':
        return property(c == 'P');
      default:
        if (std::isalnum(static_cast<unsigned char>(c)))
          refuse("\\", c, " is not among the escapes that hone knows");
        return copy(2);
    }
  }

  // \p{name}, \P{name}, \p{^name}: a general category, else a script. PCRE2's \p{Han} goes by
  // Script_Extensions, Oniguruma's by Script.
  void property(bool inverted) {
    const std::size_t close = in_.find('}', at_);
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || close == std::string_view::npos)
      refuse("a property is spelled \\p{...}");
    std::string_view name = in_.substr(at_ + 3, close - at_ - 3);
    if (name.starts_with('^')) {
      inverted = !inverted;
      name.remove_prefix(1);
    }
    constexpr std::pair<std::string_view, std::string_view> categories[] = {
        {"Letter", "L"}, {"Mark", "M"},      {"Number", "N"}, {"Punctuation", "P"},
        {"Symbol", "S"}, {"Separator", "Z"}, {"Other", "C"}};
    std::string known(name);
    for (const auto& [longer, category] : categories)
      if (name == longer) known = category;
    if (known.size() > 2) known = "sc:" + known;
    replace(close + 1 - at_, (inverted ? "\\P{" : "\\p{") + known + "}");
  }

  void character_class() {
    copy(1);
    if (next_is("^")) copy(1);
    if (next_is("]")) replace(1, "\\]");
    while (!next_is("]")) {
      if (at_ >= in_.size()) refuse("a character class is not closed");
      if (next_is("[:space:]")) {
        replace(9, white_space_members);
      } else if (next_is("[")) {
        refuse("a class inside a class; write the inner '[' as \\[ if it is meant as a character");
      } else if (next_is("&&")) {
        refuse("the intersection of classes (&&)");
      } else if (next_is("\\")) {
        class_escape();
      } else {
        copy(1);
      }
    }
    copy(1);
  }

  void class_escape() {
    switch (escaped()) {
      case 's':
        return replace(2, white_space_members);
      case 'S':
        return replace(2, "\\S\\x{180E}");
      case 'w':
        return replace(2, alphabetic_members);
      case 'W':
        refuse("\\W inside a class");
      case 'h':
        return replace(2, "0-9A-Fa-f");
      case 'b':
        return replace(2, "\\x08");
      default:
        return common_escape();
    }
  }

  void group() {
    for (const std::string_view same : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"})
      if (next_is(same)) return copy(same.size());
    std::size_t end = at_ + 2;
    while (end < in_.size() && std::string_view("imx-").find(in_[end]) != std::string_view::npos)
      ++end;
    const bool scoped = end < in_.size() && in_[end] == ':';
    const bool whole_pattern = at_ == 0 && end < in_.size() && in_[end] == ')';
    if (end == at_ + 2 || !(scoped || whole_pattern))
      refuse("a group that is none of (?: (?= (?! (?<= (?<! (?> (?i: (?m: (?x:");
    for (std::size_t i = at_; i <= end; ++i) {
      ignores_case_ = ignores_case_ || (in_[i] == 'i');
      out_ += in_[i] == 'm' ? 's' : in_[i];
    }
    at_ = end + 1;
  }

  void interval() {
    const std::size_t close = in_.find('}', at_);
    const std::string_view inside =
        in_.substr(at_ + 1, close == std::string_view::npos ? close : close - at_ - 1);
    const std::size_t comma = inside.find(',');
    const bool counts = close != std::string_view::npos && !inside.empty() && inside != "," &&
                        inside.find_first_not_of("0123456789,") == std::string_view::npos &&
                        comma == inside.rfind(',');
    if (!counts) return replace(1, "\\{");
    const char after = close + 1 < in_.size() ? in_[close + 1] : ' ';
    if (after == '+') refuse("'+' after a counted repeat; write (?:...{n,m})+ for a repeated one");
    if (after == '?' && comma == std::string_view::npos)
      refuse("'?' after a fixed count; write (?:...{n})? for an optional one");
    if (comma == 0) {
      out_ += "{0";
      ++at_;
    }
    copy(close + 1 - at_);
  }

  // Under (?i) Oniguruma lets "ss" match U+00DF, "ff" U+FB00 and so on; PCRE2 folds character by
  // character.
  void check_case_folding() {
    if (!ignores_case_) return;
    for (std::size_t i = 0; i + 1 < in_.size(); ++i) {
      const std::string pair{
          static_cast<char>(std::tolower(static_cast<unsigned char>(in_[i]))),
          static_cast<char>(std::tolower(static_cast<unsigned char>(in_[i + 1])))};
      for (const char* folded : {"ss", "st", "ff", "fi", "fl"})
        if (pair == folded) {
          at_ = i;
          refuse("\"", pair, "\" in a pattern with (?i) also matches ligatures in Oniguruma");
        }
    }
  }

  std::string_view in_;
  std::string_view where_;
  std::string out_;
  std::size_t at_ = 0;
  bool ignores_case_ = false;
};

inline std::string rewrite_oniguruma(std::string_view pattern, std::string_view where) {
  return OnigurumaRewriter(pattern, where).rewrite();
}

}  // namespace detail
}  // namespace text
}  // namespace v0
}  // namespace hone
