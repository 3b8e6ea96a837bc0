// Values as JSON and back: numbers, enumerations, strings, optionals, vectors, and aggregates of
// these by the names of their members.
//
// Floating-point numbers come back with the same bits; JSON has no infinity and no NaN, so these
// are strings. What is none of these (a closure) is described by the name of its type.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "hone/checkpoint/json.hpp"
#include "hone/core/error.hpp"
#include "hone/core/members.hpp"
#include "hone/core/type_name.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

namespace detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};

// A float by its shortest decimal, so that 0.2f reads 0.2.
template <class T>
Json number(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 64> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  double exact = 0;
  std::from_chars(text.data(), end, exact);
  return exact;
}

template <class T>
T number(const Json& json, const std::string& where) {
  if (json.is_number()) return static_cast<T>(json.get<double>());
  using Limits = std::numeric_limits<T>;
  if (json == "nan") return Limits::quiet_NaN();
  if (json == "inf") return Limits::infinity();
  if (json == "-inf") return -Limits::infinity();
  fail(where, " is ", json.dump(), ", expected a number");
}

}  // namespace detail

template <class T>
Json described(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value;
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return detail::number(value);
  } else if constexpr (std::is_integral_v<T>) {
    return value;
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return std::string(std::string_view(value));
  } else if constexpr (detail::is_optional<T>::value) {
    return value ? described(*value) : Json();
  } else if constexpr (detail::is_vector<T>::value) {
    Json out = Json::array();
    for (const auto& item : value) out.push_back(described(item));
    return out;
  } else {
    Json out = {{"type", std::string(type_name<T>)}};
    if constexpr (has_members<T>)
      for_each_member(value, [&out](std::string_view name, const auto& member) {
        out[std::string(name)] = described(member);
      });
    return out;
  }
}

// The way back, for numbers and for aggregates of numbers: states.
template <class T>
void restore(T& value, const Json& json, const std::string& where) {
  if constexpr (std::is_floating_point_v<T>) {
    value = detail::number<T>(json, where);
  } else if constexpr (std::is_integral_v<T>) {
    require(json.is_number_integer(), where, " is ", json.dump(), ", expected a whole number");
    value = json.get<T>();
  } else {
    static_assert(has_members<T>, "hone: a state is made of numbers and aggregates of numbers");
    require(json.is_object(), where, " is ", json.dump(), ", expected an object");
    for_each_member(value, [&](std::string_view name, auto& member) {
      const auto it = json.find(name);
      require(it != json.end(), where, " has no field ", in_quotes(name));
      restore(member, *it, where + "." + std::string(name));
    });
  }
}

// Throws at the first field in which a description differs from the expected one.
inline void check_described(const Json& found, const Json& expected, const std::string& where) {
  if (expected.is_object() && found.is_object()) {
    for (const auto& [name, value] : expected.items()) {
      require(found.contains(name), where, ".", name, " is absent, expected ", value.dump());
      check_described(found[name], value, where + "." + name);
    }
    for (const auto& [name, value] : found.items())
      require(expected.contains(name), where, ".", name, " is ", value.dump(),
              ", but this run has no such field");
  } else {
    require(found == expected, where, " is ", found.dump(), ", expected ", expected.dump());
  }
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
