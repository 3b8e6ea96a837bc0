// A place in a template's lexemes: what stands here, what has to, and refusals that name the line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/jinja/lexer.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

class Cursor {
 public:
  Cursor(std::string_view source, std::string where)
      : lexemes_(Lexer(source, where).run()), where_(std::move(where)) {}

  // Depth of nesting that is certainly meant; deeper input would exhaust the stack.
  struct Nesting {
    explicit Nesting(Cursor& c) : cursor(c) {
      if (++cursor.depth_ > 200) cursor.refuse("nesting is deeper than 200");
    }
    ~Nesting() { --cursor.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    Cursor& cursor;
  };

  [[noreturn]] void refuse(const std::string& what) const {
    fail(where_, ":", now().line, ": ", what);
  }

  const Lexeme& now() const { return lexemes_[at_]; }
  const Lexeme& ahead() const { return lexemes_[std::min(at_ + 1, lexemes_.size() - 1)]; }
  Lexeme take() { return lexemes_[at_ + 1 < lexemes_.size() ? at_++ : at_]; }
  bool is(Lexeme::Kind kind, std::string_view content) const {
    return now().kind == kind && now().content == content;
  }
  bool is_sign(std::string_view s) const { return is(Lexeme::sign, s); }
  bool is_name(std::string_view s) const { return is(Lexeme::name, s); }
  bool take_sign(std::string_view s) { return is_sign(s) ? (take(), true) : false; }
  bool take_name(std::string_view s) { return is_name(s) ? (take(), true) : false; }
  void expect_sign(std::string_view s) {
    if (!take_sign(s))
      refuse("expected \"" + std::string(s) + "\", found \"" + now().content + "\"");
  }
  std::string expect_name() {
    if (now().kind != Lexeme::name) refuse("expected a name, found \"" + now().content + "\"");
    return take().content;
  }
  void expect_close() {
    if (now().kind != Lexeme::close) refuse("\"" + now().content + "\" does not belong here");
    take();
  }

 private:
  std::vector<Lexeme> lexemes_;
  std::string where_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
