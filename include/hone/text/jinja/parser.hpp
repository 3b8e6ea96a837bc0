// From lexemes to the tree. What hone's templates do not know is refused here, by name and line,
// before anything is rendered.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/jinja/builtins.hpp"
#include "hone/text/jinja/lexer.hpp"
#include "hone/text/jinja/syntax.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

class Parser {
 public:
  Parser(std::string_view source, std::string where)
      : lexemes_(Lexer(source, where).run()), where_(std::move(where)) {}

  Block run() {
    Block body = block({});
    return body;
  }

 private:
  using Kind = Lexeme::Kind;

  // Depth of nesting that is certainly meant; deeper input would exhaust the stack.
  struct Nesting {
    explicit Nesting(Parser& p) : parser(p) {
      if (++parser.depth_ > 200) parser.refuse("nesting is deeper than 200");
    }
    ~Nesting() { --parser.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    Parser& parser;
  };

  [[noreturn]] void refuse(const std::string& what) const {
    fail(where_, ":", now().line, ": ", what);
  }

  const Lexeme& now() const { return lexemes_[at_]; }
  const Lexeme& ahead() const { return lexemes_[std::min(at_ + 1, lexemes_.size() - 1)]; }
  Lexeme take() { return lexemes_[at_ + 1 < lexemes_.size() ? at_++ : at_]; }
  bool is(Kind kind, std::string_view content) const {
    return now().kind == kind && now().content == content;
  }
  bool is_sign(std::string_view s) const { return is(Kind::sign, s); }
  bool is_name(std::string_view s) const { return is(Kind::name, s); }
  bool take_sign(std::string_view s) { return is_sign(s) ? (take(), true) : false; }
  bool take_name(std::string_view s) { return is_name(s) ? (take(), true) : false; }
  void expect_sign(std::string_view s) {
    if (!take_sign(s))
      refuse("expected \"" + std::string(s) + "\", found \"" + now().content + "\"");
  }
  std::string expect_name() {
    if (now().kind != Kind::name) refuse("expected a name, found \"" + now().content + "\"");
    return take().content;
  }
  void expect_close() {
    if (now().kind != Kind::close) refuse("\"" + now().content + "\" does not belong here");
    take();
  }

  // Statements up to a block tag with one of `ends`; that tag's name is the next lexeme then.
  Block block(const std::vector<std::string_view>& ends) {
    const Nesting nesting(*this);
    Block body;
    for (;;) {
      const std::size_t line = now().line;
      if (now().kind == Kind::end) {
        if (!ends.empty()) refuse("the template ends, expected " + std::string(ends.back()));
        return body;
      }
      if (now().kind == Kind::text) {
        body.emplace_back();
        body.back().name = take().content;
      } else if (now().kind == Kind::open_print) {
        take();
        body.emplace_back();
        body.back().kind = Statement::print;
        body.back().first = expression();
        expect_close();
      } else {
        take();
        for (const std::string_view end : ends)
          if (is_name(end)) return body;
        body.push_back(statement());
      }
      body.back().line = line;
    }
  }

  // A block that ends with the tag `end`, the tag included.
  Block block_until(std::string_view end) {
    Block body = block({end});
    take();
    expect_close();
    return body;
  }

  Statement statement() {
    const std::string word = expect_name();
    if (word == "if") return branch();
    if (word == "for") return loop();
    if (word == "set") return assign();
    if (word == "macro") return macro();
    Statement s;
    if (word == "generation") {
      expect_close();
      s.kind = Statement::group;
      s.body = block_until("endgeneration");
      return s;
    }
    if (word == "break" || word == "continue") {
      if (loops_ == 0) refuse("\"" + word + "\" outside of a loop");
      expect_close();
      s.kind = word == "break" ? Statement::leave : Statement::next;
      return s;
    }
    refuse("\"{% " + word + " %}\" is not among the statements that hone's templates know");
  }

  Statement branch() {
    const Nesting nesting(*this);
    Statement s;
    s.kind = Statement::branch;
    s.first = expression();
    expect_close();
    s.body = block({"elif", "else", "endif"});
    if (take_name("elif")) {
      s.otherwise.push_back(branch());
      return s;
    }
    if (take_name("else")) {
      expect_close();
      s.otherwise = block({"endif"});
    }
    take();
    expect_close();
    return s;
  }

  std::vector<std::string> names() {
    std::vector<std::string> list{expect_name()};
    while (take_sign(",")) list.push_back(expect_name());
    return list;
  }

  Statement loop() {
    Statement s;
    s.kind = Statement::loop;
    s.targets = names();
    if (!take_name("in")) refuse("expected \"in\", found \"" + now().content + "\"");
    s.first = disjunction();
    if (take_name("if")) s.second = expression();
    expect_close();
    ++loops_;
    s.body = block({"else", "endfor"});
    --loops_;
    if (take_name("else")) {
      expect_close();
      s.otherwise = block({"endfor"});
    }
    take();
    expect_close();
    return s;
  }

  Statement assign() {
    Statement s;
    s.kind = Statement::assign;
    s.targets = names();
    if (s.targets.size() == 1 && take_sign(".")) {
      s.name = s.targets[0];
      s.member = expect_name();
    }
    if (take_sign("=")) {
      s.first = expression();
      if (is_sign(",")) s.first = rest_of_list(std::move(s.first));
      expect_close();
    } else {
      expect_close();
      s.body = block_until("endset");
    }
    return s;
  }

  Statement macro() {
    Statement s;
    s.kind = Statement::macro;
    s.name = expect_name();
    expect_sign("(");
    while (!is_sign(")")) {
      s.targets.push_back(expect_name());
      s.defaults.push_back(take_sign("=") ? expression() : nullptr);
      if (!take_sign(",")) break;
    }
    expect_sign(")");
    expect_close();
    const std::size_t loops = std::exchange(loops_, 0);
    s.body = block_until("endmacro");
    loops_ = loops;
    return s;
  }

  ExpressionPtr make(Expression::Kind kind, std::string name = {}) const {
    auto e = std::make_unique<Expression>();
    e->kind = kind;
    e->line = now().line;
    e->name = std::move(name);
    return e;
  }
  template <class... Operands>
  ExpressionPtr make(Expression::Kind kind, std::string name, Operands... operands) const {
    ExpressionPtr e = make(kind, std::move(name));
    (e->operands.push_back(std::move(operands)), ...);
    measure(*e);
    return e;
  }

  // A tree is walked by recursion: it may not be deeper than the stack is.
  void measure(Expression& e) const {
    const auto below = [&](const ExpressionPtr& child) {
      if (child) e.depth = std::max(e.depth, child->depth + 1);
    };
    for (const ExpressionPtr& child : e.operands) below(child);
    for (const auto& [name, child] : e.named) below(child);
    if (e.depth > 500) refuse("an expression is deeper than 500");
  }

  ExpressionPtr expression() {
    const Nesting nesting(*this);
    ExpressionPtr value = disjunction();
    while (take_name("if")) {
      ExpressionPtr condition = disjunction();
      ExpressionPtr otherwise = take_name("else") ? expression() : nullptr;
      value = make(Expression::conditional, "", std::move(condition), std::move(value),
                   std::move(otherwise));
    }
    return value;
  }

  ExpressionPtr disjunction() {
    ExpressionPtr left = conjunction();
    while (take_name("or")) left = make(Expression::binary, "or", std::move(left), conjunction());
    return left;
  }

  ExpressionPtr conjunction() {
    ExpressionPtr left = negation();
    while (take_name("and")) left = make(Expression::binary, "and", std::move(left), negation());
    return left;
  }

  ExpressionPtr negation() {
    const Nesting nesting(*this);
    if (is_name("not") && ahead().content != "in") {
      take();
      return make(Expression::unary, "not", negation());
    }
    return comparison();
  }

  // a < b < c means a < b and b < c, and is rare enough in templates to be refused.
  ExpressionPtr comparison() {
    ExpressionPtr left = sum();
    std::size_t compared = 0;
    for (;;) {
      std::string op;
      for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"})
        if (op.empty() && take_sign(sign)) op = sign;
      if (op.empty() && take_name("in")) op = "in";
      if (op.empty() && is_name("not") && ahead().content == "in") {
        take();
        take();
        op = "not in";
      }
      if (op.empty()) return left;
      if (++compared > 1) refuse("a chain of comparisons; write a < b and b < c");
      left = make(Expression::binary, op, std::move(left), sum());
    }
  }

  template <class Next>
  ExpressionPtr left_to_right(std::initializer_list<std::string_view> signs, const Next& next) {
    ExpressionPtr left = next();
    for (;;) {
      std::string op;
      for (const std::string_view sign : signs)
        if (op.empty() && take_sign(sign)) op = sign;
      if (op.empty()) return left;
      left = make(Expression::binary, op, std::move(left), next());
    }
  }

  ExpressionPtr sum() {
    return left_to_right({"+", "-"}, [&] { return concatenation(); });
  }
  ExpressionPtr concatenation() {
    return left_to_right({"~"}, [&] { return product(); });
  }
  ExpressionPtr product() {
    return left_to_right({"*", "//", "/", "%"}, [&] { return sign(true); });
  }

  ExpressionPtr sign(bool with_filters) {
    const Nesting nesting(*this);
    for (const char* s : {"-", "+"})
      if (take_sign(s)) {
        ExpressionPtr e = make(Expression::unary, s, sign(false));
        return with_filters ? filters(std::move(e)) : std::move(e);
      }
    ExpressionPtr e = postfix(primary());
    return with_filters ? filters(std::move(e)) : std::move(e);
  }

  ExpressionPtr primary() {
    const Lexeme lexeme = now();
    if (take_sign("(")) {
      if (take_sign(")")) return make(Expression::list);
      ExpressionPtr e = expression();
      if (is_sign(",")) e = rest_of_list(std::move(e));
      expect_sign(")");
      return e;
    }
    if (take_sign("[")) {
      ExpressionPtr e = make(Expression::list);
      while (!is_sign("]")) {
        e->operands.push_back(expression());
        if (!take_sign(",")) break;
      }
      expect_sign("]");
      measure(*e);
      return e;
    }
    if (take_sign("{")) {
      ExpressionPtr e = make(Expression::dict);
      while (!is_sign("}")) {
        e->operands.push_back(expression());
        expect_sign(":");
        e->operands.push_back(expression());
        if (!take_sign(",")) break;
      }
      expect_sign("}");
      measure(*e);
      return e;
    }
    ExpressionPtr e = make(Expression::literal);
    if (lexeme.kind == Kind::string) {
      std::string content;
      while (now().kind == Kind::string) content += take().content;
      e->value = std::move(content);
    } else if (lexeme.kind == Kind::integer) {
      if (lexeme.content.size() > 18) refuse("the number " + lexeme.content + " is too large");
      e->value = std::stoll(take().content);
    } else if (lexeme.kind == Kind::number) {
      e->value = std::strtod(take().content.c_str(), nullptr);
    } else if (take_name("true") || take_name("True")) {
      e->value = true;
    } else if (take_name("false") || take_name("False")) {
      e->value = false;
    } else if (take_name("none") || take_name("None")) {
      e->value = nullptr;
    } else if (lexeme.kind == Kind::name) {
      return make(Expression::variable, take().content);
    } else {
      refuse("expected a value, found \"" + lexeme.content + "\"");
    }
    return e;
  }

  // A list without brackets, its first element read already.
  ExpressionPtr rest_of_list(ExpressionPtr first) {
    ExpressionPtr list = make(Expression::list);
    list->operands.push_back(std::move(first));
    while (take_sign(",")) {
      if (is_sign(")") || now().kind == Kind::close) break;
      list->operands.push_back(expression());
    }
    measure(*list);
    return list;
  }

  ExpressionPtr postfix(ExpressionPtr e) {
    for (;;) {
      if (take_sign(".")) {
        if (now().kind == Kind::integer) {
          ExpressionPtr position = make(Expression::literal);
          position->value = std::stoll(take().content.substr(0, 18));
          e = make(Expression::index, "", std::move(e), std::move(position));
        } else {
          e = make(Expression::attribute, expect_name(), std::move(e));
        }
      } else if (take_sign("[")) {
        e = subscript(std::move(e));
      } else if (take_sign("(")) {
        e = make(Expression::call, "", std::move(e));
        arguments(*e);
      } else {
        return e;
      }
    }
  }

  ExpressionPtr subscript(ExpressionPtr e) {
    std::array<ExpressionPtr, 3> parts;
    std::size_t part = 0;
    for (;;) {
      if (!is_sign(":") && !is_sign("]")) parts[part] = expression();
      if (!take_sign(":")) break;
      if (++part > 2) refuse("a slice has at most three parts");
    }
    expect_sign("]");
    if (part > 0)
      return make(Expression::slicing, "", std::move(e), std::move(parts[0]), std::move(parts[1]),
                  std::move(parts[2]));
    if (!parts[0]) refuse("an empty subscript");
    return make(Expression::index, "", std::move(e), std::move(parts[0]));
  }

  // Up to and with the closing bracket.
  void arguments(Expression& e) {
    while (!is_sign(")")) {
      if (now().kind == Kind::name && ahead().kind == Kind::sign && ahead().content == "=") {
        std::string name = take().content;
        take();
        e.named.emplace_back(std::move(name), expression());
      } else {
        e.operands.push_back(expression());
      }
      if (!take_sign(",")) break;
    }
    expect_sign(")");
    measure(e);
  }

  ExpressionPtr filters(ExpressionPtr e) {
    for (;;) {
      if (take_sign("|")) {
        const std::string name = expect_name();
        if (!is_filter(name))
          refuse("the filter \"" + name + "\" is not among those that hone knows");
        e = make(Expression::filter, name, std::move(e));
        if (take_sign("(")) arguments(*e);
      } else if (take_name("is")) {
        const bool negated = take_name("not");
        const std::string name = expect_name();
        if (!is_test(name)) refuse("the test \"" + name + "\" is not among those that hone knows");
        e = make(Expression::test, name, std::move(e));
        if (take_sign("("))
          arguments(*e);
        else if (begins_value())
          e->operands.push_back(postfix(primary()));
        measure(*e);
        if (negated) e = make(Expression::unary, "not", std::move(e));
      } else if (take_sign("(")) {
        e = make(Expression::call, "", std::move(e));
        arguments(*e);
      } else {
        return e;
      }
    }
  }

  // Whether a test's argument without brackets follows ("is divisibleby 3").
  bool begins_value() const {
    if (now().kind == Kind::string || now().kind == Kind::integer || now().kind == Kind::number)
      return true;
    if (now().kind == Kind::name) {
      for (const std::string_view word : {"else", "or", "and", "is", "if", "in", "not"})
        if (now().content == word) return false;
      return true;
    }
    return is_sign("[") || is_sign("{");
  }

  std::vector<Lexeme> lexemes_;
  std::string where_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t loops_ = 0;
};

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
