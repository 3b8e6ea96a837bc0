// The tree of a template: expressions and statements.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hone/text/jinja/value.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  enum Kind {
    literal,      // value
    variable,     // name
    list,         // operands
    dict,         // operands: key, value, key, value, ...
    attribute,    // operands[0].name
    index,        // operands[0][operands[1]]
    slicing,      // operands[0][operands[1]:operands[2]:operands[3]], each may be null
    call,         // operands[0](operands[1...], named)
    filter,       // operands[0] | name(operands[1...], named)
    test,         // operands[0] is name(operands[1...])
    unary,        // name is "not", "-" or "+"
    binary,       // operands[0] name operands[1]
    conditional,  // operands[1] if operands[0] else operands[2], which may be null
  };
  Kind kind = literal;
  std::size_t line = 1;
  std::size_t depth = 1;  // of the tree below
  std::string name;
  Value value;
  std::vector<ExpressionPtr> operands;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
};

struct Statement;
using Block = std::vector<Statement>;

struct Statement {
  enum Kind {
    text,    // name holds it
    print,   // first
    branch,  // if first: body, else: otherwise
    loop,    // for targets in first if second: body, else: otherwise
    assign,  // set targets = first; set name.member = first; set targets: body
    macro,   // name(targets), their defaults in `defaults` (null: none)
    group,   // body as it stands
    leave,   // break
    next,    // continue
  };
  Kind kind = text;
  std::size_t line = 1;
  std::string name;
  std::string member;
  std::vector<std::string> targets;
  std::vector<ExpressionPtr> defaults;
  ExpressionPtr first;
  ExpressionPtr second;
  Block body;
  Block otherwise;
};

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
