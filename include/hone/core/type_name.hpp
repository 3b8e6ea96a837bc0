// The short name of a type: "PpoClip" for hone::loss::PpoClip, "Adaptive" for hone::kl::Adaptive.
//
// Without namespaces and template arguments, so that it is the same from every compiler; a closure
// is called "lambda".
#pragma once

#include <cstddef>
#include <string_view>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace detail {

template <class T>
constexpr std::string_view printed_type() {
  return __PRETTY_FUNCTION__;
}

// The last part of a qualified name, in the text that g++ ("... [with T = NAME; ...]") or clang
// ("... [T = NAME]") prints.
constexpr std::string_view short_name(std::string_view text) {
  text.remove_prefix(text.find("T = ") + 4);
  std::size_t begin = 0, end = text.size();
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (depth == 0 && (c == ';' || c == ']')) {
      end = i;
      break;
    }
    if (depth == 0 && c == ':') begin = i + 1;
    depth += c == '<' || c == '(' || c == '[' || c == '{';
    depth -= c == '>' || c == ')' || c == ']' || c == '}';
  }
  text = text.substr(begin, end - begin);
  text = text.substr(0, text.find('<'));
  return text.empty() || text.front() == '(' ? "lambda" : text;
}

}  // namespace detail

template <class T>
inline constexpr std::string_view type_name = detail::short_name(detail::printed_type<T>());

}  // namespace v0
}  // namespace hone
