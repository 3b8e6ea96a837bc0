// The part of Jinja that chat templates are written in: expressions, if, for, set, macro, and the
// filters, tests and methods that they use. What it knows it renders as transformers does; what it
// does not know is an error that says so, when the template is read wherever that is possible.
//
//   const JinjaTemplate greeting("{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor
//   %}",
//                                "chat_template.jinja");
//   greeting.render({{"messages", ...}});
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "hone/text/jinja/interpreter.hpp"
#include "hone/text/jinja/parser.hpp"
#include "hone/text/jinja/value.hpp"

namespace hone {
inline namespace v0 {
namespace text {

class JinjaTemplate {
 public:
  // `where` is the file, named in errors.
  JinjaTemplate(std::string_view source, std::string where)
      : where_(std::move(where)),
        block_(std::make_shared<const jinja::Block>(jinja::Parser(source, where_).run())) {}

  // `variables` is a dict. The same variables give the same text, but for strftime_now.
  std::string render(const jinja::Value& variables) const {
    constexpr std::size_t budget = 4'000'000;
    return jinja::Interpreter(variables, where_, budget).run(*block_);
  }

 private:
  std::string where_;
  std::shared_ptr<const jinja::Block> block_;
};

}  // namespace text
}  // namespace v0
}  // namespace hone
