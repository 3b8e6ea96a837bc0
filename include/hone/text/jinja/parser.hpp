// From lexemes to the tree. What hone's templates do not know is refused here, by name and line,
// before anything is rendered.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/text/jinja/cursor.hpp"
#include "hone/text/jinja/expression_parser.hpp"
#include "hone/text/jinja/syntax.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

class Parser {
 public:
  Parser(std::string_view source, std::string where) : at_(source, std::move(where)) {}
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  Block run() { return block({}); }

 private:
  using Kind = Lexeme::Kind;

  // Statements up to a block tag with one of `ends`; that tag's name is the next lexeme then.
  Block block(const std::vector<std::string_view>& ends) {
    const Cursor::Nesting nesting(at_);
    Block body;
    for (;;) {
      const std::size_t line = at_.now().line;
      if (at_.now().kind == Kind::end) {
        if (!ends.empty()) at_.refuse("the template ends, expected " + std::string(ends.back()));
        return body;
      }
      if (at_.now().kind == Kind::text) {
        body.emplace_back();
        body.back().name = at_.take().content;
      } else if (at_.now().kind == Kind::open_print) {
        at_.take();
        body.emplace_back();
        body.back().kind = Statement::print;
        body.back().first = expressions_.expression();
        at_.expect_close();
      } else {
        at_.take();
        for (const std::string_view end : ends)
          if (at_.is_name(end)) return body;
        body.push_back(statement());
      }
      body.back().line = line;
    }
  }

  // A block that ends with the tag `end`, the tag included.
  Block block_until(std::string_view end) {
    Block body = block({end});
    at_.take();
    at_.expect_close();
    return body;
  }

  Statement statement() {
    const std::string word = at_.expect_name();
    if (word == "if") return branch();
    if (word == "for") return loop();
    if (word == "set") return assign();
    if (word == "macro") return macro();
    Statement s;
    if (word == "generation") {
      at_.expect_close();
      s.kind = Statement::group;
      s.body = block_until("endgeneration");
      return s;
    }
    if (word == "break" || word == "continue") {
      if (loops_ == 0) at_.refuse("\"" + word + "\" outside of a loop");
      at_.expect_close();
      s.kind = word == "break" ? Statement::leave : Statement::next;
      return s;
    }
    at_.refuse("\"{% " + word + " %}\" is not among the statements that hone's templates know");
  }

  Statement branch() {
    const Cursor::Nesting nesting(at_);
    Statement s;
    s.kind = Statement::branch;
    s.first = expressions_.expression();
    at_.expect_close();
    s.body = block({"elif", "else", "endif"});
    if (at_.take_name("elif")) {
      s.otherwise.push_back(branch());
      return s;
    }
    if (at_.take_name("else")) {
      at_.expect_close();
      s.otherwise = block({"endif"});
    }
    at_.take();
    at_.expect_close();
    return s;
  }

  std::vector<std::string> names() {
    std::vector<std::string> list{at_.expect_name()};
    while (at_.take_sign(",")) list.push_back(at_.expect_name());
    return list;
  }

  Statement loop() {
    Statement s;
    s.kind = Statement::loop;
    s.targets = names();
    if (!at_.take_name("in")) at_.refuse("expected \"in\", found \"" + at_.now().content + "\"");
    s.first = expressions_.disjunction();
    if (at_.take_name("if")) s.second = expressions_.expression();
    at_.expect_close();
    ++loops_;
    s.body = block({"else", "endfor"});
    --loops_;
    if (at_.take_name("else")) {
      at_.expect_close();
      s.otherwise = block({"endfor"});
    }
    at_.take();
    at_.expect_close();
    return s;
  }

  Statement assign() {
    Statement s;
    s.kind = Statement::assign;
    s.targets = names();
    if (s.targets.size() == 1 && at_.take_sign(".")) {
      s.name = s.targets[0];
      s.member = at_.expect_name();
    }
    if (at_.take_sign("=")) {
      s.first = expressions_.expression();
      if (at_.is_sign(",")) s.first = expressions_.rest_of_list(std::move(s.first));
      at_.expect_close();
    } else {
      at_.expect_close();
      s.body = block_until("endset");
    }
    return s;
  }

  Statement macro() {
    Statement s;
    s.kind = Statement::macro;
    s.name = at_.expect_name();
    at_.expect_sign("(");
    while (!at_.is_sign(")")) {
      s.targets.push_back(at_.expect_name());
      s.defaults.push_back(at_.take_sign("=") ? expressions_.expression() : nullptr);
      if (!at_.take_sign(",")) break;
    }
    at_.expect_sign(")");
    at_.expect_close();
    const std::size_t loops = std::exchange(loops_, 0);
    s.body = block_until("endmacro");
    loops_ = loops;
    return s;
  }

  Cursor at_;
  ExpressionParser expressions_{at_};
  std::size_t loops_ = 0;
};

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
