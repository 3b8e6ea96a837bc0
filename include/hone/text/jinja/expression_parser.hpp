// Expressions, from the loosest binding down: each function reads one level of precedence and
// leaves the cursor behind it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "hone/text/jinja/builtins.hpp"
#include "hone/text/jinja/cursor.hpp"
#include "hone/text/jinja/syntax.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(Cursor& at) : at_(at) {}

  ExpressionPtr expression() {
    const Cursor::Nesting nesting(at_);
    ExpressionPtr value = disjunction();
    while (at_.take_name("if")) {
      ExpressionPtr condition = disjunction();
      ExpressionPtr otherwise = at_.take_name("else") ? expression() : nullptr;
      value = make(Expression::conditional, "", std::move(condition), std::move(value),
                   std::move(otherwise));
    }
    return value;
  }

  // An expression without a condition: what a loop runs over.
  ExpressionPtr disjunction() {
    ExpressionPtr left = conjunction();
    while (at_.take_name("or"))
      left = make(Expression::binary, "or", std::move(left), conjunction());
    return left;
  }

  // A list without brackets, its first element read already.
  ExpressionPtr rest_of_list(ExpressionPtr first) {
    ExpressionPtr list = make(Expression::list);
    list->operands.push_back(std::move(first));
    while (at_.take_sign(",")) {
      if (at_.is_sign(")") || at_.now().kind == Kind::close) break;
      list->operands.push_back(expression());
    }
    measure(*list);
    return list;
  }

 private:
  using Kind = Lexeme::Kind;

  ExpressionPtr make(Expression::Kind kind, std::string name = {}) const {
    auto e = std::make_unique<Expression>();
    e->kind = kind;
    e->line = at_.now().line;
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
    if (e.depth > 500) at_.refuse("an expression is deeper than 500");
  }

  ExpressionPtr conjunction() {
    ExpressionPtr left = negation();
    while (at_.take_name("and"))
      left = make(Expression::binary, "and", std::move(left), negation());
    return left;
  }

  ExpressionPtr negation() {
    const Cursor::Nesting nesting(at_);
    if (at_.is_name("not") && at_.ahead().content != "in") {
      at_.take();
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
        if (op.empty() && at_.take_sign(sign)) op = sign;
      if (op.empty() && at_.take_name("in")) op = "in";
      if (op.empty() && at_.is_name("not") && at_.ahead().content == "in") {
        at_.take();
        at_.take();
        op = "not in";
      }
      if (op.empty()) return left;
      if (++compared > 1) at_.refuse("a chain of comparisons; write a < b and b < c");
      left = make(Expression::binary, op, std::move(left), sum());
    }
  }

  template <class Next>
  ExpressionPtr left_to_right(std::initializer_list<std::string_view> signs, const Next& next) {
    ExpressionPtr left = next();
    for (;;) {
      std::string op;
      for (const std::string_view sign : signs)
        if (op.empty() && at_.take_sign(sign)) op = sign;
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
    const Cursor::Nesting nesting(at_);
    for (const char* s : {"-", "+"})
      if (at_.take_sign(s)) {
        ExpressionPtr e = make(Expression::unary, s, sign(false));
        return with_filters ? filters(std::move(e)) : std::move(e);
      }
    ExpressionPtr e = postfix(primary());
    return with_filters ? filters(std::move(e)) : std::move(e);
  }

  ExpressionPtr primary() {
    const Lexeme lexeme = at_.now();
    if (at_.take_sign("(")) {
      if (at_.take_sign(")")) return make(Expression::list);
      ExpressionPtr e = expression();
      if (at_.is_sign(",")) e = rest_of_list(std::move(e));
      at_.expect_sign(")");
      return e;
    }
    if (at_.take_sign("[")) {
      ExpressionPtr e = make(Expression::list);
      while (!at_.is_sign("]")) {
        e->operands.push_back(expression());
        if (!at_.take_sign(",")) break;
      }
      at_.expect_sign("]");
      measure(*e);
      return e;
    }
    if (at_.take_sign("{")) {
      ExpressionPtr e = make(Expression::dict);
      while (!at_.is_sign("}")) {
        e->operands.push_back(expression());
        at_.expect_sign(":");
        e->operands.push_back(expression());
        if (!at_.take_sign(",")) break;
      }
      at_.expect_sign("}");
      measure(*e);
      return e;
    }
    ExpressionPtr e = make(Expression::literal);
    if (lexeme.kind == Kind::string) {
      std::string content;
      while (at_.now().kind == Kind::string) content += at_.take().content;
      e->value = std::move(content);
    } else if (lexeme.kind == Kind::integer) {
      if (lexeme.content.size() > 18) at_.refuse("the number " + lexeme.content + " is too large");
      e->value = std::stoll(at_.take().content);
    } else if (lexeme.kind == Kind::number) {
      e->value = std::strtod(at_.take().content.c_str(), nullptr);
    } else if (at_.take_name("true") || at_.take_name("True")) {
      e->value = true;
    } else if (at_.take_name("false") || at_.take_name("False")) {
      e->value = false;
    } else if (at_.take_name("none") || at_.take_name("None")) {
      e->value = nullptr;
    } else if (lexeme.kind == Kind::name) {
      return make(Expression::variable, at_.take().content);
    } else {
      at_.refuse("expected a value, found \"" + lexeme.content + "\"");
    }
    return e;
  }

  ExpressionPtr postfix(ExpressionPtr e) {
    for (;;) {
      if (at_.take_sign(".")) {
        if (at_.now().kind == Kind::integer) {
          ExpressionPtr position = make(Expression::literal);
          position->value = std::stoll(at_.take().content.substr(0, 18));
          e = make(Expression::index, "", std::move(e), std::move(position));
        } else {
          e = make(Expression::attribute, at_.expect_name(), std::move(e));
        }
      } else if (at_.take_sign("[")) {
        e = subscript(std::move(e));
      } else if (at_.take_sign("(")) {
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
      if (!at_.is_sign(":") && !at_.is_sign("]")) parts[part] = expression();
      if (!at_.take_sign(":")) break;
      if (++part > 2) at_.refuse("a slice has at most three parts");
    }
    at_.expect_sign("]");
    if (part > 0)
      return make(Expression::slicing, "", std::move(e), std::move(parts[0]), std::move(parts[1]),
                  std::move(parts[2]));
    if (!parts[0]) at_.refuse("an empty subscript");
    return make(Expression::index, "", std::move(e), std::move(parts[0]));
  }

  // Up to and with the closing bracket.
  void arguments(Expression& e) {
    while (!at_.is_sign(")")) {
      if (at_.now().kind == Kind::name && at_.ahead().kind == Kind::sign &&
          at_.ahead().content == "=") {
        std::string name = at_.take().content;
        at_.take();
        e.named.emplace_back(std::move(name), expression());
      } else {
        e.operands.push_back(expression());
      }
      if (!at_.take_sign(",")) break;
    }
    at_.expect_sign(")");
    measure(e);
  }

  ExpressionPtr filters(ExpressionPtr e) {
    for (;;) {
      if (at_.take_sign("|")) {
        const std::string name = at_.expect_name();
        if (!is_filter(name))
          at_.refuse("the filter \"" + name + "\" is not among those that hone knows");
        e = make(Expression::filter, name, std::move(e));
        if (at_.take_sign("(")) arguments(*e);
      } else if (at_.take_name("is")) {
        const bool negated = at_.take_name("not");
        const std::string name = at_.expect_name();
        if (!is_test(name))
          at_.refuse("the test \"" + name + "\" is not among those that hone knows");
        e = make(Expression::test, name, std::move(e));
        if (at_.take_sign("("))
          arguments(*e);
        else if (begins_value())
          e->operands.push_back(postfix(primary()));
        measure(*e);
        if (negated) e = make(Expression::unary, "not", std::move(e));
      } else if (at_.take_sign("(")) {
        e = make(Expression::call, "", std::move(e));
        arguments(*e);
      } else {
        return e;
      }
    }
  }

  // Whether a test's argument without brackets follows ("is divisibleby 3").
  bool begins_value() const {
    if (at_.now().kind == Kind::string || at_.now().kind == Kind::integer ||
        at_.now().kind == Kind::number)
      return true;
    if (at_.now().kind == Kind::name) {
      for (const std::string_view word : {"else", "or", "and", "is", "if", "in", "not"})
        if (at_.now().content == word) return false;
      return true;
    }
    return at_.is_sign("[") || at_.is_sign("{");
  }

  Cursor& at_;
};

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
