// The values of a template: JSON's, with Python's manners (truth, printing, slices of characters).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "hone/text/utf8.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

// Undefined is a value too: false, empty, printed as nothing.
using Value = nlohmann::ordered_json;

inline Value undefined() { return Value(Value::value_t::discarded); }
inline bool is_undefined(const Value& v) { return v.is_discarded(); }

// What a built-in says of values that it cannot take; the interpreter adds the place.
struct BadValue {
  std::string what;
};

// No text of a template grows beyond this: a template may come from a stranger.
inline constexpr std::size_t most_bytes = std::size_t{4} << 20;
inline void check_size(std::size_t bytes) {
  if (bytes > most_bytes)
    throw BadValue{"a text grows beyond " + std::to_string(most_bytes) + " bytes"};
}

// How much memory a value takes, roughly, and how deep it is nested.
struct Extent {
  std::size_t bytes = 16;
  std::size_t depth = 1;
};
inline Extent extent(const Value& v) {
  Extent e;
  if (v.is_string()) e.bytes += v.get_ref<const std::string&>().size();
  if (!v.is_structured()) return e;
  for (const auto& [key, member] : v.items()) {
    const Extent inner = extent(member);
    e.bytes += inner.bytes + (v.is_object() ? key.size() : 0);
    e.depth = std::max(e.depth, inner.depth + 1);
  }
  return e;
}

inline bool truth(const Value& v) {
  if (v.is_discarded() || v.is_null()) return false;
  if (v.is_boolean()) return v.get<bool>();
  if (v.is_number_integer()) return v.get<std::int64_t>() != 0;
  if (v.is_number_float()) return v.get<double>() != 0;
  if (v.is_string()) return !v.get_ref<const std::string&>().empty();
  return !v.empty();
}

inline std::string_view as_text(const Value& v) { return v.get_ref<const std::string&>(); }

// The characters of a string.
inline std::vector<std::string_view> characters(std::string_view s) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < s.size();) {
    const std::size_t length = utf8_at(s, at).length;
    out.push_back(s.substr(at, length));
    at += length;
  }
  return out;
}

inline std::int64_t length(const Value& v) {
  if (v.is_string()) return static_cast<std::int64_t>(characters(as_text(v)).size());
  return v.is_structured() ? static_cast<std::int64_t>(v.size()) : 0;
}

// As json.dumps(value, ensure_ascii=False, indent=...) writes it; indent < 0: on one line.
inline void append_json(std::string& out, const Value& v, int indent = -1, int depth = 0) {
  const auto line = [&](int level) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent * level), ' ');
  };
  if (!v.is_structured()) {
    out += v.is_discarded() ? "null" : v.dump(-1, ' ', false, Value::error_handler_t::replace);
    return;
  }
  if (v.empty()) {
    out += v.is_object() ? "{}" : "[]";
    return;
  }
  out += v.is_object() ? '{' : '[';
  bool first = true;
  for (const auto& [key, member] : v.items()) {
    if (!first) out += indent < 0 ? ", " : ",";
    first = false;
    line(depth + 1);
    if (v.is_object()) {
      out += Value(key).dump(-1, ' ', false, Value::error_handler_t::replace);
      out += ": ";
    }
    append_json(out, member, indent, depth + 1);
    check_size(out.size());
  }
  line(depth);
  out += v.is_object() ? '}' : ']';
}

// As Python's repr inside a list or dict.
inline void append_repr(std::string& out, const Value& v) {
  if (v.is_string()) {
    const std::string_view s = as_text(v);
    const char quote = s.find('\'') != s.npos && s.find('"') == s.npos ? '"' : '\'';
    out += quote;
    for (const char c : s) {
      if (c == '\n')
        out += "\\n";
      else if (c == '\t')
        out += "\\t";
      else if (c == '\r')
        out += "\\r";
      else if (c == '\\' || c == quote)
        out += {'\\', c};
      else
        out += c;
    }
    out += quote;
  } else if (v.is_structured()) {
    out += v.is_object() ? '{' : '[';
    bool first = true;
    for (const auto& [key, member] : v.items()) {
      if (!first) out += ", ";
      first = false;
      if (v.is_object()) {
        append_repr(out, Value(key));
        out += ": ";
      }
      append_repr(out, member);
    }
    out += v.is_object() ? '}' : ']';
  } else if (v.is_boolean()) {
    out += v.get<bool>() ? "True" : "False";
  } else if (v.is_null()) {
    out += "None";
  } else if (!v.is_discarded()) {
    out += v.dump();
  }
}

// What {{ v }} prints.
inline void append_text(std::string& out, const Value& v) {
  if (v.is_string())
    out += as_text(v);
  else
    append_repr(out, v);
}

inline std::string to_text(const Value& v) {
  std::string out;
  append_text(out, v);
  return out;
}

// Python's str.isspace for one character.
inline bool is_space(std::string_view character) {
  const char32_t c = utf8_at(character, 0).character;
  return is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

// str.strip, lstrip, rstrip; `set` holds the characters to strip, empty: white space.
inline std::string strip(std::string_view s, bool left, bool right, std::string_view set = {}) {
  const auto all = characters(s);
  const auto removable = [&](std::string_view c) {
    return set.empty() ? is_space(c) : set.find(c) != set.npos;
  };
  std::size_t begin = 0;
  std::size_t end = all.size();
  while (left && begin < end && removable(all[begin])) ++begin;
  while (right && end > begin && removable(all[end - 1])) --end;
  if (begin == end) return {};
  const auto from = static_cast<std::size_t>(all[begin].data() - s.data());
  const auto to = static_cast<std::size_t>(all[end - 1].data() + all[end - 1].size() - s.data());
  return std::string(s.substr(from, to - from));
}

// The elements that a loop or `list` goes through: of a list, the keys of a dict, characters.
inline std::vector<Value> elements(const Value& v) {
  std::vector<Value> out;
  if (v.is_array()) {
    out.assign(v.begin(), v.end());
  } else if (v.is_object()) {
    for (const auto& member : v.items()) out.emplace_back(member.key());
  } else if (v.is_string()) {
    for (const std::string_view c : characters(as_text(v))) out.emplace_back(std::string(c));
  }
  return out;
}

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
