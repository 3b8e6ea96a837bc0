// Operators between two values, and slices.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "hone/text/jinja/builtins.hpp"
#include "hone/text/jinja/value.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

namespace detail {

inline bool is_whole(const Value& v) { return v.is_number_integer(); }

[[noreturn]] inline void no_operator(std::string_view op, const Value& l, const Value& r) {
  const auto kind = [](const Value& v) {
    return std::string(is_undefined(v) ? "something undefined" : v.type_name());
  };
  throw BadValue{kind(l) + " " + std::string(op) + " " + kind(r) + " has no meaning"};
}

inline Value whole_operation(std::string_view op, std::int64_t l, std::int64_t r) {
  std::int64_t result = 0;
  bool overflow = false;
  if (op == "+") overflow = __builtin_add_overflow(l, r, &result);
  if (op == "-") overflow = __builtin_sub_overflow(l, r, &result);
  if (op == "*") overflow = __builtin_mul_overflow(l, r, &result);
  if (op == "//" || op == "%") {
    if (r == 0) throw BadValue{"division by zero"};
    if (r == -1) {
      overflow = op == "//" && __builtin_sub_overflow(std::int64_t{0}, l, &result);
    } else {
      std::int64_t quotient = l / r;
      if (l % r != 0 && (l < 0) != (r < 0)) --quotient;  // towards minus infinity
      result = op == "//" ? quotient : l - quotient * r;
    }
  }
  if (overflow) throw BadValue{"a number grows beyond 64 bits"};
  return result;
}

inline Value real_operation(std::string_view op, double l, double r) {
  if (op == "+") return l + r;
  if (op == "-") return l - r;
  if (op == "*") return l * r;
  if (r == 0) throw BadValue{"division by zero"};
  if (op == "/") return l / r;
  const double quotient = std::floor(l / r);
  return op == "//" ? quotient : l - quotient * r;
}

}  // namespace detail

inline Value operate(std::string_view op, const Value& l, const Value& r) {
  if (op == "==") return l == r || (is_undefined(l) && is_undefined(r));
  if (op == "!=") return !(l == r || (is_undefined(l) && is_undefined(r)));
  const bool numbers = l.is_number() && r.is_number();
  const bool texts = l.is_string() && r.is_string();
  if (op == "<" || op == ">" || op == "<=" || op == ">=") {
    if (!numbers && !texts) detail::no_operator(op, l, r);
    if (op == "<") return l < r;
    if (op == ">") return r < l;
    return op == "<=" ? !(r < l) : !(l < r);
  }
  if (numbers && op != "/" && detail::is_whole(l) && detail::is_whole(r))
    return detail::whole_operation(op, l.get<std::int64_t>(), r.get<std::int64_t>());
  if (numbers) return detail::real_operation(op, l.get<double>(), r.get<double>());
  if (op == "+" && texts) return std::string(as_text(l)) + std::string(as_text(r));
  if (op == "+" && l.is_array() && r.is_array()) {
    Value list = l;
    for (const Value& element : r) list.push_back(element);
    return list;
  }
  if (op == "*" && l.is_string() && detail::is_whole(r)) {
    const auto times = r.get<std::int64_t>();
    if (times > 0) check_size(as_text(l).size());
    if (times > 0 && !as_text(l).empty() &&
        static_cast<std::size_t>(times) > most_bytes / as_text(l).size())
      check_size(most_bytes + 1);
    std::string out;
    for (std::int64_t i = 0; i < times; ++i) out += as_text(l);
    return out;
  }
  detail::no_operator(op, l, r);
}

inline Value subtract(const Value& l, const Value& r) { return operate("-", l, r); }

// v[start:stop:step] as in Python; null bounds are left out.
inline Value slice(const Value& v, const Value& start, const Value& stop, const Value& step) {
  const std::vector<Value> all = elements(v);
  if (!v.is_array() && !v.is_string())
    throw BadValue{std::string(v.type_name()) + " has no slices"};
  const auto size = static_cast<std::int64_t>(all.size());
  for (const Value* bound : {&start, &stop, &step})
    if (!bound->is_null() && !detail::is_whole(*bound))
      throw BadValue{"the bounds of a slice are whole numbers"};
  const std::int64_t stride = step.is_null() ? 1 : step.get<std::int64_t>();
  if (stride == 0) throw BadValue{"a slice with steps of 0"};
  const std::int64_t least = stride > 0 ? 0 : -1;
  const std::int64_t most = stride > 0 ? size : size - 1;
  const auto place = [&](const Value& bound, std::int64_t otherwise) {
    if (bound.is_null()) return otherwise;
    std::int64_t i = bound.get<std::int64_t>();
    if (i < 0) i = std::max<std::int64_t>(i + size, least);
    return std::min(i, most);
  };
  const std::int64_t first = place(start, stride > 0 ? least : most);
  const std::int64_t last = place(stop, stride > 0 ? most : least);
  Value list = Value::array();
  for (std::int64_t i = first; stride > 0 ? i < last : i > last;) {
    list.push_back(all[static_cast<std::size_t>(i)]);
    if (__builtin_add_overflow(i, stride, &i)) break;
  }
  if (v.is_array()) return list;
  std::string out;
  for (const Value& c : list) out += as_text(c);
  return out;
}

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
