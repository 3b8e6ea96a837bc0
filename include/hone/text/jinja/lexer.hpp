// Cuts a template into text and tags, with the white space that transformers removes: a tag's own
// line break (trim_blocks), the blanks before a tag that begins a line (lstrip_blocks), and what
// the signs in {%- -%} take.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/utf8.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

struct Lexeme {
  enum Kind {
    text,        // output as it is
    open_print,  // {{
    open_block,  // {%
    close,       // }} or %}
    name,
    integer,
    number,
    string,  // content without quotes, escapes resolved
    sign,    // an operator or bracket
    end,
  };
  Kind kind = end;
  std::string content;
  std::size_t line = 1;
};

class Lexer {
 public:
  // `where` is named in errors.
  Lexer(std::string_view source, std::string where) : where_(std::move(where)) {
    source_.reserve(source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {  // \r\n and \r count as \n
      if (source[i] != '\r')
        source_ += source[i];
      else if (i + 1 == source.size() || source[i + 1] != '\n')
        source_ += '\n';
    }
    if (source_.ends_with('\n')) source_.pop_back();
  }

  std::vector<Lexeme> run() {
    while (at_ < source_.size()) {
      std::size_t tag = source_.find('{', at_);
      while (tag != std::string::npos &&
             (tag + 1 >= source_.size() ||
              std::string_view("{%#").find(source_[tag + 1]) == std::string_view::npos))
        tag = source_.find('{', tag + 1);
      if (tag == std::string::npos) tag = source_.size();
      text_before(tag);
      if (tag == source_.size()) break;
      open(tag);
    }
    put(Lexeme::end, "");
    return std::move(out_);
  }

 private:
  static bool is_blank(char c) {
    return std::string_view(" \t\n\v\f").find(c) != std::string::npos;
  }
  static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  [[noreturn]] void refuse(const std::string& what) const { fail(where_, ":", line_, ": ", what); }

  void put(Lexeme::Kind kind, std::string content) {
    out_.push_back({kind, std::move(content), line_});
  }

  void advance(std::size_t to) {
    for (; at_ < to; ++at_) line_ += source_[at_] == '\n';
  }

  // Emits [at_, tag) less what the tag takes of it.
  void text_before(std::size_t tag) {
    std::size_t end = tag;
    const char kind = tag + 1 < source_.size() ? source_[tag + 1] : '\0';
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (tag < source_.size() && sign == '-') {
      while (end > at_ && is_blank(source_[end - 1])) --end;
    } else if (tag < source_.size() && kind != '{' && sign != '+') {
      std::size_t begin = end;
      while (begin > at_ && source_[begin - 1] != '\n' && is_blank(source_[begin - 1])) --begin;
      if (begin == 0 || source_[begin - 1] == '\n') end = begin;
    }
    if (end > at_) put(Lexeme::text, source_.substr(at_, end - at_));
    advance(tag);
  }

  void open(std::size_t tag) {
    const char kind = source_[tag + 1];
    advance(tag + 2);
    if (peek() == '-' || peek() == '+') advance(at_ + 1);
    if (kind == '#') return comment();
    put(kind == '{' ? Lexeme::open_print : Lexeme::open_block, "");
    const std::string_view closing = kind == '{' ? "}}" : "%}";
    std::size_t depth = 0;
    for (;;) {
      while (is_blank(peek())) advance(at_ + 1);
      if (at_ >= source_.size()) refuse("a tag is not closed");
      const std::string_view rest = std::string_view(source_).substr(at_);
      const bool has_sign = rest[0] == '-' || rest[0] == '+';
      if (depth == 0 && rest.substr(has_sign).starts_with(closing)) {
        put(Lexeme::close, "");
        finish(has_sign ? rest[0] : '\0', kind == '%');
        return;
      }
      token(depth);
    }
  }

  void comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string::npos) refuse("a comment is not closed");
    const char sign = end > at_ ? source_[end - 1] : '\0';
    advance(end);
    at_ -= sign == '-' || sign == '+';
    finish(sign == '-' || sign == '+' ? sign : '\0', true);
  }

  // Steps over a tag's end, its sign included, and what it takes of the text behind.
  void finish(char sign, bool takes_line_break) {
    advance(at_ + (sign == '\0' ? 2 : 3));
    if (sign == '-')
      while (is_blank(peek())) advance(at_ + 1);
    else if (takes_line_break && sign != '+' && peek() == '\n')
      advance(at_ + 1);
  }

  void token(std::size_t& depth) {
    const char c = peek();
    std::size_t end = at_;
    if (is_letter(c)) {
      while (end < source_.size() && (is_letter(source_[end]) || is_digit(source_[end]))) ++end;
      put(Lexeme::name, source_.substr(at_, end - at_));
      advance(end);
    } else if (is_digit(c)) {
      while (end < source_.size() && is_digit(source_[end])) ++end;
      Lexeme::Kind kind = Lexeme::integer;
      if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
        kind = Lexeme::number;
        for (++end; end < source_.size() && is_digit(source_[end]);) ++end;
      }
      put(kind, source_.substr(at_, end - at_));
      advance(end);
    } else if (c == '"' || c == '\'') {
      string(c);
    } else {
      const std::string_view two = std::string_view(source_).substr(at_, 2);
      for (const std::string_view pair : {"==", "!=", "<=", ">=", "//", "**"})
        if (two == pair) {
          put(Lexeme::sign, std::string(pair));
          advance(at_ + 2);
          return;
        }
      if (std::string_view("+-*/%~[](){}<>=.:|,").find(c) == std::string_view::npos)
        refuse(std::string("\"") + c + "\" has no meaning inside a tag");
      if (std::string_view("([{").find(c) != std::string_view::npos) ++depth;
      if (std::string_view(")]}").find(c) != std::string_view::npos && depth > 0) --depth;
      put(Lexeme::sign, std::string(1, c));
      advance(at_ + 1);
    }
  }

  void string(char quote) {
    std::string content;
    std::size_t i = at_ + 1;
    while (i < source_.size() && source_[i] != quote) {
      if (source_[i] != '\\' || i + 1 >= source_.size()) {
        content += source_[i++];
        continue;
      }
      const char escaped = source_[i + 1];
      constexpr std::string_view letters = "ntrabfv\\'\"";
      constexpr std::string_view meant = "\n\t\r\a\b\f\v\\'\"";
      const std::size_t known = letters.find(escaped);
      const std::size_t digits = escaped == 'x'   ? 2u
                                 : escaped == 'u' ? 4u
                                 : escaped == 'U' ? 8u
                                                  : 0u;
      if (known != std::string_view::npos) {
        content += meant[known];
      } else if (digits > 0) {
        const std::string_view hex = std::string_view(source_).substr(i + 2, digits);
        if (hex.size() < digits || hex.find_first_not_of("0123456789abcdefABCDEF") != hex.npos)
          refuse("an escape in a string is broken");
        const unsigned long code = std::stoul(std::string(hex), nullptr, 16);
        if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
          refuse("an escape in a string is no character");
        append_utf8(content, static_cast<char32_t>(code));
        i += digits;
      } else if (escaped != '\n') {
        content += {'\\', escaped};
      }
      i += 2;
    }
    if (i >= source_.size()) refuse("a string is not closed");
    put(Lexeme::string, std::move(content));
    advance(i + 1);
  }

  std::string source_;
  std::string where_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::vector<Lexeme> out_;
};

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
