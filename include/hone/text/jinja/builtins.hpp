// Filters, tests and methods of values.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/text/jinja/value.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

// The arguments of a filter, test, method or function, evaluated.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  bool has(std::size_t i) const { return i < positional.size(); }
  // By position, else by name, else undefined.
  Value get(std::size_t i, std::string_view name = {}) const {
    if (has(i)) return positional[i];
    for (const auto& [key, value] : named)
      if (key == name) return value;
    return undefined();
  }
  std::string text(std::size_t i, std::string_view name = {}) const {
    const Value v = get(i, name);
    return v.is_string() ? std::string(as_text(v)) : std::string();
  }
};

inline bool is_filter(std::string_view name) {
  static constexpr std::array<std::string_view, 30> known{
      "abs",    "capitalize", "count",   "d",       "default", "dictsort", "first",      "float",
      "int",    "items",      "join",    "last",    "length",  "list",     "lower",      "map",
      "reject", "rejectattr", "replace", "reverse", "safe",    "select",   "selectattr", "string",
      "title",  "tojson",     "trim",    "unique",  "upper",   "indent"};
  return std::find(known.begin(), known.end(), name) != known.end();
}

inline bool is_test(std::string_view name) {
  static constexpr std::array<std::string_view, 22> known{
      "boolean", "defined",  "divisibleby", "eq",    "equalto",   "even", "false", "float",
      "in",      "integer",  "iterable",    "lower", "mapping",   "ne",   "none",  "number",
      "odd",     "sequence", "string",      "true",  "undefined", "upper"};
  return std::find(known.begin(), known.end(), name) != known.end();
}

// ASCII only: no template changes the case of anything else.
inline std::string cased(std::string_view s, bool upper) {
  std::string out(s);
  for (char& c : out) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}
inline std::string capitalized(std::string_view s) {
  return cased(s.substr(0, 1), true) + (s.empty() ? "" : cased(s.substr(1), false));
}
inline std::string titled(std::string_view s) {
  std::string out;
  bool begins = true;
  for (const char c : s) {
    out += cased({&c, 1}, begins);
    begins = std::string_view(" \t\n-([{<").find(c) != std::string_view::npos;
  }
  return out;
}

inline std::string replaced(std::string_view s, std::string_view from, std::string_view to,
                            std::int64_t at_most = -1) {
  if (from.empty()) throw BadValue{"replace: the text to replace is empty"};
  std::string out;
  for (; at_most != 0; --at_most) {
    const std::size_t at = s.find(from);
    if (at == s.npos) break;
    out.append(s.substr(0, at)).append(to);
    check_size(out.size());
    s.remove_prefix(at + from.size());
  }
  return out += s;
}

inline bool contains(const Value& container, const Value& v) {
  if (container.is_string() && v.is_string())
    return as_text(container).find(as_text(v)) != std::string_view::npos;
  if (container.is_array())
    return std::find(container.begin(), container.end(), v) != container.end();
  if (container.is_object()) return v.is_string() && container.contains(std::string(as_text(v)));
  if (is_undefined(container)) return false;
  throw BadValue{"\"in\" needs a text, a list or a dict on its right"};
}

inline bool run_test(std::string_view name, const Value& v, const Arguments& a) {
  if (name == "defined") return !is_undefined(v);
  if (name == "undefined") return is_undefined(v);
  if (name == "none") return v.is_null();
  if (name == "string") return v.is_string();
  if (name == "mapping") return v.is_object();
  if (name == "sequence" || name == "iterable")
    return v.is_structured() || v.is_string() || is_undefined(v);
  if (name == "boolean") return v.is_boolean();
  if (name == "true") return v.is_boolean() && v.get<bool>();
  if (name == "false") return v.is_boolean() && !v.get<bool>();
  if (name == "number") return v.is_number() || v.is_boolean();
  if (name == "integer") return v.is_number_integer();
  if (name == "float") return v.is_number_float();
  if (name == "lower") return v.is_string() && cased(as_text(v), false) == as_text(v);
  if (name == "upper") return v.is_string() && cased(as_text(v), true) == as_text(v);
  if (name == "equalto" || name == "eq") return v == a.get(0);
  if (name == "ne") return v != a.get(0);
  if (name == "in") return contains(a.get(0), v);
  const std::int64_t divisor =
      name == "divisibleby" && a.get(0).is_number_integer() ? a.get(0).get<std::int64_t>() : 2;
  if (!v.is_number_integer() || divisor == 0)
    throw BadValue{"the test \"" + std::string(name) + "\" needs whole numbers"};
  const bool divides = divisor == -1 || v.get<std::int64_t>() % divisor == 0;
  return name == "odd" ? !divides : divides;
}

inline Value split(std::string_view s, const Arguments& a) {
  Value out = Value::array();
  const Value limit = a.get(1, "maxsplit");
  std::int64_t left = limit.is_number_integer() ? limit.get<std::int64_t>() : -1;
  const std::string separator = a.text(0, "sep");
  if (separator.empty()) {  // at runs of white space
    std::string word;
    for (const std::string_view c : characters(s)) {
      if (!is_space(c)) {
        word += c;
      } else if (!word.empty()) {
        out.push_back(std::exchange(word, {}));
      }
    }
    if (!word.empty()) out.push_back(word);
    return out;
  }
  for (; left != 0; --left) {
    const std::size_t at = s.find(separator);
    if (at == s.npos) break;
    out.push_back(std::string(s.substr(0, at)));
    s.remove_prefix(at + separator.size());
  }
  out.push_back(std::string(s));
  return out;
}

// [key, value] of each member.
inline Value items(const Value& v) {
  Value out = Value::array();
  if (!v.is_object()) return out;
  for (const auto& [key, member] : v.items()) out.push_back(Value::array({key, member}));
  return out;
}

inline Value run_method(std::string_view name, const Value& v, const Arguments& a) {
  if (v.is_string()) {
    const std::string_view s = as_text(v);
    if (name == "strip") return strip(s, true, true, a.text(0));
    if (name == "lstrip") return strip(s, true, false, a.text(0));
    if (name == "rstrip") return strip(s, false, true, a.text(0));
    if (name == "startswith") return s.starts_with(a.text(0));
    if (name == "endswith") return s.ends_with(a.text(0));
    if (name == "split") return split(s, a);
    if (name == "upper" || name == "lower") return cased(s, name == "upper");
    if (name == "capitalize") return capitalized(s);
    if (name == "title") return titled(s);
    if (name == "replace") {
      const Value limit = a.get(2, "count");
      return replaced(s, a.text(0), a.text(1),
                      limit.is_number_integer() ? limit.get<std::int64_t>() : -1);
    }
    if (name == "join") {
      std::string out;
      bool first = true;
      for (const Value& part : elements(a.get(0))) {
        if (!first) out += s;
        first = false;
        append_text(out, part);
        check_size(out.size());
      }
      return out;
    }
  }
  if (v.is_object()) {
    if (name == "get") {
      const auto found = v.find(a.text(0));
      if (found != v.end()) return *found;
      return a.has(1) ? a.get(1) : Value(nullptr);
    }
    if (name == "items") return items(v);
    if (name == "keys") return elements(v);
    if (name == "values") {
      Value out = Value::array();
      for (const auto& member : v.items()) out.push_back(member.value());
      return out;
    }
  }
  throw BadValue{std::string(is_undefined(v) ? "an undefined value" : v.type_name()) +
                 " has no method \"" + std::string(name) + "\" that hone knows"};
}

// The member of a dict, else undefined.
inline Value member(const Value& v, const std::string& name) {
  if (!v.is_object()) return undefined();
  const auto found = v.find(name);
  return found == v.end() ? undefined() : *found;
}

inline Value run_filter(std::string_view name, const Value& v, const Arguments& a);

inline Value join(const Value& v, const Arguments& a) {
  const std::string separator = a.text(0, "d");
  const std::string attribute = a.text(1, "attribute");
  std::string out;
  bool first = true;
  for (const Value& part : elements(v)) {
    if (!first) out += separator;
    first = false;
    append_text(out, attribute.empty() ? part : member(part, attribute));
    check_size(out.size());
  }
  return out;
}

// map, select, reject, selectattr, rejectattr.
inline Value choose(std::string_view name, const Value& v, const Arguments& a) {
  Value out = Value::array();
  const bool by_attribute = name == "selectattr" || name == "rejectattr";
  const bool keeps = name.starts_with("select");
  for (const Value& part : elements(v)) {
    if (name == "map") {
      const std::string attribute = a.text(static_cast<std::size_t>(-1), "attribute");
      if (attribute.empty() && !is_filter(a.text(0)))
        throw BadValue{"map: no filter \"" + a.text(0) + "\" is known"};
      out.push_back(attribute.empty() ? run_filter(a.text(0), part, {}) : member(part, attribute));
      continue;
    }
    const std::size_t used = by_attribute ? 1u : 0u;
    const Value tested = by_attribute ? member(part, a.text(0)) : part;
    bool holds = truth(tested);
    if (a.has(used)) {
      const std::string test = a.text(used);
      if (!is_test(test)) throw BadValue{std::string(name) + ": no test \"" + test + "\" is known"};
      Arguments rest;
      rest.positional.assign(a.positional.begin() + static_cast<std::ptrdiff_t>(used) + 1,
                             a.positional.end());
      holds = run_test(test, tested, rest);
    }
    if (holds == keeps) out.push_back(part);
  }
  return out;
}

inline Value indented(std::string_view s, const Arguments& a) {
  const Value width = a.get(0, "width");
  const std::int64_t n = width.is_number_integer() ? width.get<std::int64_t>() : 4;
  const std::string pad =
      width.is_string()
          ? std::string(as_text(width))
          : std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(n, 0, 256)), ' ');
  std::string out = truth(a.get(1, "first")) ? pad : "";
  for (std::size_t i = 0; i < s.size(); ++i) {
    out += s[i];
    const bool blank_line = i + 1 < s.size() && s[i + 1] == '\n';
    if (s[i] == '\n' && (truth(a.get(2, "blank")) || !blank_line)) out += pad;
    check_size(out.size());
  }
  return out;
}

inline Value to_number(std::string_view name, const Value& v, const Arguments& a) {
  const bool whole = name == "int";
  const Value otherwise = a.has(0) ? a.get(0) : whole ? Value(0) : Value(0.0);
  double number = 0;
  if (v.is_number() || v.is_boolean()) {
    if (whole && v.is_number_integer()) return v;
    number = v.is_boolean() ? (v.get<bool>() ? 1.0 : 0.0) : v.get<double>();
  } else if (v.is_string()) {
    const std::string s = strip(as_text(v), true, true);
    char* end = nullptr;
    number = std::strtod(s.c_str(), &end);
    if (s.empty() || *end != '\0') return otherwise;
  } else {
    return otherwise;
  }
  if (!whole) return number;
  if (!(number > -9e18 && number < 9e18)) return otherwise;
  return static_cast<std::int64_t>(number);
}

inline Value run_filter(std::string_view name, const Value& v, const Arguments& a) {
  if (name == "default" || name == "d") {
    const bool replaced_too = truth(a.get(1, "boolean")) && !truth(v);
    const Value otherwise = a.get(0, "default_value");
    if (!is_undefined(v) && !replaced_too) return v;
    return is_undefined(otherwise) ? Value("") : otherwise;
  }
  if (name == "tojson") {
    const Value indent = a.get(0, "indent");
    std::string out;
    append_json(out, v,
                indent.is_number_integer()
                    ? static_cast<int>(std::clamp<std::int64_t>(indent.get<std::int64_t>(), 0, 64))
                    : -1);
    return out;
  }
  if (name == "safe") return v;
  if (name == "length" || name == "count") {
    if (!v.is_structured() && !v.is_string() && !is_undefined(v))
      throw BadValue{std::string(v.type_name()) + " has no length"};
    return length(v);
  }
  if (name == "list") return elements(v);
  if (name == "items") return items(v);
  if (name == "join") return join(v, a);
  if (name == "first" || name == "last") {
    const auto all = elements(v);
    return all.empty() ? undefined() : name == "first" ? all.front() : all.back();
  }
  if (name == "map" || name == "select" || name == "reject" || name == "selectattr" ||
      name == "rejectattr")
    return choose(name, v, a);
  if (name == "int" || name == "float") return to_number(name, v, a);
  if (name == "abs" && v.is_number_integer()) return std::abs(v.get<std::int64_t>());
  if (name == "abs" && v.is_number()) return std::abs(v.get<double>());
  if (name == "reverse") {
    auto all = elements(v);
    std::reverse(all.begin(), all.end());
    if (!v.is_string()) return all;
    return join(all, {});
  }
  if (name == "unique") {
    Value out = Value::array();
    for (const Value& part : elements(v))
      if (!contains(out, part)) out.push_back(part);
    return out;
  }
  if (name == "dictsort") {
    auto pairs = items(v).get<std::vector<Value>>();
    std::stable_sort(pairs.begin(), pairs.end(), [](const Value& l, const Value& r) {
      return cased(as_text(l[0]), false) < cased(as_text(r[0]), false);
    });
    return pairs;
  }
  const std::string s = to_text(v);
  if (name == "string") return s;
  if (name == "trim") return strip(s, true, true, a.text(0, "chars"));
  if (name == "upper" || name == "lower") return cased(s, name == "upper");
  if (name == "capitalize") return capitalized(s);
  if (name == "title") return titled(s);
  if (name == "replace") return replaced(s, a.text(0), a.text(1));
  if (name == "indent") return indented(s, a);
  throw BadValue{"the filter \"" + std::string(name) + "\" cannot take " + v.type_name()};
}

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
