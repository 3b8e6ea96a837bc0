// Verifiers: an answer is right or it is not.
//
// The reference stands in a column of the record, "answer" unless told otherwise; a record without
// it is an Error that names the column.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "hone/core/completion.hpp"
#include "hone/reward/number.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

// Where in a text the answer stands.
enum class Find : std::uint8_t {
  whole,   // the text is the answer
  any,     // the last \boxed{}, else what follows the last ####, else the last number (or the text)
  boxed,   // the last \boxed{} or nothing
  hashes,  // what follows the last #### or nothing
  tag      // the last <tag>...</tag> or nothing
};

namespace detail {

inline std::optional<std::string_view> found(std::string_view text, Find find,
                                             std::string_view tag) {
  switch (find) {
    case Find::boxed:
      return last_boxed(text);
    case Find::hashes:
      return after_hashes(text);
    case Find::tag:
      return in_tag(text, tag);
    case Find::any:
      if (const auto boxed = last_boxed(text)) return boxed;
      if (const auto hashed = after_hashes(text)) return hashed;
      return text;
    case Find::whole:
      break;
  }
  return text;
}

// The number that a found text stands for. Where the place was exact, so must the number be.
inline std::optional<double> number_in(std::string_view text, Find find, std::string_view tag) {
  const auto at = found(text, find, tag);
  if (!at) return {};
  if (const auto whole = parse_number(*at)) return whole;
  return find == Find::any ? last_number(*at) : std::nullopt;
}

// Lower-case ASCII, one space for any white space, none at the ends, no full stop at the end.
inline std::string normalized(std::string_view text) {
  std::string out;
  for (const char c : trimmed(text)) {
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (space && out.ends_with(' ')) continue;
    out += space ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (out.ends_with('.')) out.pop_back();
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace detail

// `right` if the answer's number equals the reference's, else `wrong`. Equal means within
// tolerance max(1, |reference|). A reference that is itself a worked solution is searched like
// Find::any.
struct NumberAnswer {
  std::string column = "answer";
  Find find = Find::any;
  std::string tag = "answer";  // for Find::tag
  double tolerance = 1e-6;
  float right = 1.0f, wrong = 0.0f;

  float operator()(const Completion& c) const {
    const double expected = reference(c);
    const auto given = detail::number_in(c.text, find, tag);
    const bool equal =
        given && std::abs(*given - expected) <= tolerance * std::fmax(1.0, std::abs(expected));
    return equal ? right : wrong;
  }

 private:
  double reference(const Completion& c) const {
    if (!std::holds_alternative<std::string>(c.columns.at(column))) return c.columns.number(column);
    const std::string& text = c.columns.text(column);
    const auto value = detail::number_in(text, Find::any, tag);
    if (!value)
      fail("column \"", column, "\" of prompt ", c.id, " is \"", text, "\", expected a number");
    return *value;
  }
};

// `right` if the answer's text equals the reference's, else `wrong`. Case, runs of white space and
// a final full stop do not count, unless `strict`.
struct ExactAnswer {
  std::string column = "answer";
  Find find = Find::whole;
  std::string tag = "answer";  // for Find::tag
  bool strict = false;
  float right = 1.0f, wrong = 0.0f;

  float operator()(const Completion& c) const {
    const std::string& expected = c.columns.text(column);
    const auto given = detail::found(c.text, find, tag);
    if (!given) return wrong;
    const bool equal =
        strict ? *given == expected : detail::normalized(*given) == detail::normalized(expected);
    return equal ? right : wrong;
  }
};

}  // namespace reward
}  // namespace v0
}  // namespace hone
