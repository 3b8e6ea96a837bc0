#include "hone/text/jinja_template.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace hone::text;

std::string error_of(const std::string& source, const jinja::Value& variables = {{"x", 1}}) {
  try {
    JinjaTemplate(source, "chat.jinja").render(variables);
  } catch (const hone::Error& error) {
    return error.what();
  }
  return "";
}

std::string render(const std::string& source, const jinja::Value& variables = {{"x", 1}}) {
  return JinjaTemplate(source, "test").render(variables);
}

TEST(JinjaTemplate, RendersWhatItIsGiven) {
  const jinja::Value variables = {{"name", "Ada"}, {"list", {1, 2, 3}}, {"d", {{"k", "v"}}}};
  EXPECT_EQ(render("Hello {{ name }}!", variables), "Hello Ada!");
  EXPECT_EQ(render("{% for i in list if i != 2 %}{{ i }},{% endfor %}", variables), "1,3,");
  EXPECT_EQ(render("{{ d.k }}{{ d['k'] }}{{ list[-1] }}{{ d.nothing }}", variables), "vv3");
  EXPECT_EQ(render("plain { } text", variables), "plain { } text");
}

TEST(JinjaTemplate, UnknownThingsAreErrorsWithALine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a\n{% include 'x' %}", "chat.jinja:2: \"{% include %}\" is not among the statements"},
      {"{{ 1 | shuffle }}", "chat.jinja:1: the filter \"shuffle\" is not among"},
      {"{{ 1 is prime }}", "chat.jinja:1: the test \"prime\" is not among"},
      {"{{ f(1) }}", "chat.jinja:1: \"f\" is not among the functions"},
      {"{{ 'a'.zfill(3) }}", "chat.jinja:1: string has no method \"zfill\""},
      {"{{ y.z }}", "chat.jinja:1: a part of something undefined is asked for: y"},
      {"\n\n{{ 'a' + 1 }}", "chat.jinja:3: string + number has no meaning"},
      {"{{ raise_exception('no tools') }}", "refuses this conversation: no tools"},
      {"{% if 1 %}", "chat.jinja:1: the template ends, expected endif"},
      {"{% for x in [1] %}", "the template ends, expected endfor"},
      {"{{ 'a }}", "a string is not closed"},
      {"{{ 1 ", "a tag is not closed"},
      {"{# a", "a comment is not closed"},
      {"{{ 1 2 }}", "\"2\" does not belong here"},
      {"{{ }}", "expected a value"},
      {"{{ $ }}", "\"$\" has no meaning inside a tag"},
      {"{{ 1 < 2 < 3 }}", "a chain of comparisons"},
      {"{% break %}", "\"break\" outside of a loop"},
      {"{% set x.y = 1 %}", "\"x\" is no namespace()"},
      {"{% for a, b in [[1, 2, 3]] %}{% endfor %}", "3 values for 2 names"},
      {"{{ 1 // 0 }}", "division by zero"},
      {"{{ 9223372036854775807 }}", "is too large"},
      {"{{ 999999999999999999 * 999999999999999999 }}", "grows beyond 64 bits"},
      {"{{ [1][::0] }}", "steps of 0"},
      {"{{ 5 | length }}", "number has no length"},
  };
  for (const auto& [source, expected] : cases) {
    const std::string error = error_of(source);
    EXPECT_NE(error.find(expected), std::string::npos) << source << "\n" << error;
    EXPECT_TRUE(error.starts_with("chat.jinja:")) << error;
  }
}

// A template may come from a stranger: whatever it does, it ends soon, with an error.
TEST(JinjaTemplate, RunawayTemplatesAreStopped) {
  const auto refused = [](const std::string& source, const std::string& why) {
    const std::string error = error_of(source);
    EXPECT_NE(error.find(why), std::string::npos) << source.substr(0, 100) << "\n" << error;
  };
  refused("{% for i in range(100000000) %}x{% endfor %}", "too many steps");
  refused("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
          "too many");
  refused(
      "{% set ns = namespace(s='abc') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% "
      "endfor %}",
      "grows beyond");
  refused(
      "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% "
      "endfor %}",
      "too much memory");
  refused(
      "{% set ns = namespace(s=1) %}{% for i in range(999) %}{% set ns.s = [ns.s] %}{% endfor %}",
      "nested deeper");
  refused("{{ 'a' * 999999999 }}", "grows beyond");
  refused("{{ ('a' * 99999) | replace('a', 'b' * 99999) }}", "grows beyond");
  refused("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "more than 100 deep");
  refused("{{ " + std::string(10000, '(') + "1" + std::string(10000, ')') + " }}",
          "nesting is deeper");
  refused("{{ " + std::string(10000, '-') + "1 }}", "nesting is deeper");
  std::string sum = "{{ 1";
  for (int i = 0; i < 10000; ++i) sum += " + 1";
  refused(sum + " }}", "deeper than 500");
  std::string branches;
  for (int i = 0; i < 1000; ++i) branches += "{% if 1 %}";
  refused(branches, "nesting is deeper");
}

TEST(JinjaTemplate, ForgedNamespacesAreJustValues) {
  EXPECT_EQ(render("{{ x.a }}{{ {'\\x01namespace': 5}.b }}", {{"x", {{"\x01namespace", 7}}}}), "");
}

}  // namespace
