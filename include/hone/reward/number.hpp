// Numbers in text: the final answer of a worked solution.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

namespace detail {

inline bool digit(char c) { return c >= '0' && c <= '9'; }
inline bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

inline std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Length of the number without sign that begins here: digits, with commas between groups of three,
// and a fraction, or a fraction alone (".5", unless dots or digits stand before it). 0: none.
inline std::size_t digits_at(std::string_view text, std::size_t at) {
  if (at > 0 && at < text.size() && text[at] == '.' && (text[at - 1] == '.' || digit(text[at - 1])))
    return 0;
  std::size_t end = at;
  while (end < text.size() && digit(text[end])) ++end;
  if (end > at && end - at <= 3)
    while (end + 3 < text.size() && text[end] == ',' && digit(text[end + 1]) &&
           digit(text[end + 2]) && digit(text[end + 3]) &&
           (end + 4 == text.size() || !digit(text[end + 4])))
      end += 4;
  if (end + 1 < text.size() && text[end] == '.' && digit(text[end + 1])) {
    ++end;
    while (end < text.size() && digit(text[end])) ++end;
  }
  return end - at;
}

inline std::optional<double> to_double(std::string_view digits) {
  std::string plain;
  for (const char c : digits)
    if (c != ',') plain += c;
  double value = 0;
  const auto read = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (read.ec != std::errc() || read.ptr != plain.data() + plain.size()) return {};
  return value;
}

constexpr std::string_view long_minus = "\u2212";

}  // namespace detail

// The whole text as one number: "1,234.5", "-3", "+7", "$12.50", "50%" (50), "3/4",
// "\frac{3}{4}", "42.", "\text{...}" not. White space around it is nothing.
inline std::optional<double> parse_number(std::string_view text) {
  using detail::digits_at;
  text = detail::trimmed(text);
  double sign = 1;
  if (text.starts_with(detail::long_minus)) {
    sign = -1;
    text.remove_prefix(detail::long_minus.size());
  } else if (text.starts_with('-') || text.starts_with('+')) {
    sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  if (text.starts_with("\\$")) text.remove_prefix(1);
  if (text.starts_with('$')) text.remove_prefix(1);
  for (const std::string_view head : {"\\frac{", "\\dfrac{", "\\tfrac{"})
    if (text.starts_with(head) && text.ends_with('}')) {
      const std::string_view inside = text.substr(head.size(), text.size() - head.size() - 1);
      const std::size_t middle = inside.find("}{");
      const bool nested = inside.find("frac{") != std::string_view::npos;
      if (nested || middle == std::string_view::npos) return {};
      const auto over = parse_number(inside.substr(0, middle));
      const auto under = parse_number(inside.substr(middle + 2));
      if (!over || !under || *under == 0) return {};
      return sign * *over / *under;
    }
  const std::size_t length = digits_at(text, 0);
  const auto value = length ? detail::to_double(text.substr(0, length)) : std::nullopt;
  if (!value) return {};
  std::string_view rest = text.substr(length);
  if (rest.starts_with('/')) {
    const std::size_t under = digits_at(rest, 1);
    const auto by = under ? detail::to_double(rest.substr(1, under)) : std::nullopt;
    if (!by || *by == 0 || rest.size() != 1 + under) return {};
    return sign * *value / *by;
  }
  if (rest == "%" || rest == "\\%" || rest == ".") rest = {};
  return rest.empty() ? std::optional(sign * *value) : std::nullopt;
}

// The last number in a text. A minus belongs to it unless a word, a number or a bracket stands
// before it ("10-5" ends with 5); digits inside a word ("x2") are no number.
inline std::optional<double> last_number(std::string_view text) {
  std::optional<double> last;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = detail::digits_at(text, at);
    if (length == 0) {
      ++at;
      continue;
    }
    const char before = at > 0 ? text[at - 1] : ' ';
    if (!detail::letter(before) && before != '_') {
      last = detail::to_double(text.substr(at, length));
      std::string_view head = text.substr(0, at);
      if (head.ends_with('$')) head.remove_suffix(1);
      std::size_t minus = head.ends_with('-') ? 1 : 0;
      if (head.ends_with(detail::long_minus)) minus = detail::long_minus.size();
      if (minus > 0) {
        head.remove_suffix(minus);
        const char joined = head.empty() ? ' ' : head.back();
        if (last && !detail::digit(joined) && !detail::letter(joined) && joined != ')' &&
            joined != '}' && joined != ']')
          last = -*last;
      }
    }
    at += length;
  }
  return last;
}

// What stands in the last \boxed{...} of a text, its braces matched.
inline std::optional<std::string_view> last_boxed(std::string_view text) {
  constexpr std::string_view head = "\\boxed{";
  const std::size_t at = text.rfind(head);
  if (at == std::string_view::npos) return {};
  int depth = 1;
  for (std::size_t i = at + head.size(); i < text.size(); ++i) {
    depth += (text[i] == '{') - (text[i] == '}');
    if (depth == 0) return text.substr(at + head.size(), i - at - head.size());
  }
  return {};
}

// What stands after the last "####", to the end of the line: GSM8K's spelling.
inline std::optional<std::string_view> after_hashes(std::string_view text) {
  const std::size_t at = text.rfind("####");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + 4);
  return detail::trimmed(rest.substr(0, rest.find('\n')));
}

// What stands between the last <name> and the </name> after it.
inline std::optional<std::string_view> in_tag(std::string_view text, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">", close = "</" + std::string(name) + ">";
  const std::size_t at = text.rfind(open);
  if (at == std::string_view::npos) return {};
  const std::string_view inside = text.substr(at + open.size());
  const std::size_t end = inside.find(close);
  if (end == std::string_view::npos) return {};
  return detail::trimmed(inside.substr(0, end));
}

}  // namespace reward
}  // namespace v0
}  // namespace hone
