// The members of a plain aggregate, by name and value.
//
//   for_each_member(loss::PpoClip{}, [](std::string_view name, const auto& value) { ... });
//
// What describes a run (a composition, options, states) is written once, as an aggregate with
// defaulted members; checkpoints and messages read names and values from the type itself. So a
// policy that a user writes is described as well as ours, without a line for it. Aggregates without
// base classes and built-in arrays, of at most 24 members.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace detail {

inline constexpr std::size_t max_members = 24;

// Converts to whatever a member is, on paper: never called, but clang wants a body where T has no
// linkage.
struct AnyMember {
  template <class T>
  operator T() const {
    std::abort();
  }
};

template <class T, std::size_t... i>
constexpr bool takes(std::index_sequence<i...>) {
  return requires { T{(static_cast<void>(i), AnyMember{})...}; };
}

// The greatest number of initialisers that T takes.
template <class T, std::size_t n = max_members>
constexpr std::size_t count_members() {
  if constexpr (n == 0 || std::is_empty_v<T>)
    return 0;
  else if constexpr (takes<T>(std::make_index_sequence<n>{}))
    return n;
  else
    return count_members<T, n - 1>();
}

// f(all members).
// clang-format off
template <class T, class F>
constexpr decltype(auto) with_members(T& object, F&& f) {
  constexpr std::size_t n = count_members<std::remove_const_t<T>>();
  if constexpr (n == 0) return f();
  else if constexpr (n == 1) { auto& [m0] = object; return f(m0); }
  else if constexpr (n == 2) { auto& [m0, m1] = object; return f(m0, m1); }
  else if constexpr (n == 3) { auto& [m0, m1, m2] = object; return f(m0, m1, m2); }
  else if constexpr (n == 4) { auto& [m0, m1, m2, m3] = object; return f(m0, m1, m2, m3); }
  else if constexpr (n == 5) { auto& [m0, m1, m2, m3, m4] = object; return f(m0, m1, m2, m3, m4); }
  else if constexpr (n == 6) { auto& [m0, m1, m2, m3, m4, m5] = object; return f(m0, m1, m2, m3, m4, m5); }
  else if constexpr (n == 7) { auto& [m0, m1, m2, m3, m4, m5, m6] = object; return f(m0, m1, m2, m3, m4, m5, m6); }
  else if constexpr (n == 8) { auto& [m0, m1, m2, m3, m4, m5, m6, m7] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7); }
  else if constexpr (n == 9) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8); }
  else if constexpr (n == 10) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9); }
  else if constexpr (n == 11) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10); }
  else if constexpr (n == 12) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11); }
  else if constexpr (n == 13) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12); }
  else if constexpr (n == 14) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13); }
  else if constexpr (n == 15) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14); }
  else if constexpr (n == 16) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15); }
  else if constexpr (n == 17) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16); }
  else if constexpr (n == 18) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17); }
  else if constexpr (n == 19) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18); }
  else if constexpr (n == 20) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19); }
  else if constexpr (n == 21) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20); }
  else if constexpr (n == 22) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21); }
  else if constexpr (n == 23) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22); }
  else if constexpr (n == 24) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23] = object; return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23); }
}
// clang-format on

// An object that is never used, only pointed into: compilers print what a pointer points at.
template <class T>
union Phantom {
  char none;
  T object;
  constexpr Phantom() : none() {}
  constexpr ~Phantom() {}
};
template <class T>
inline Phantom<T> phantom;

template <class P>
struct Pointer {
  P to;
};
template <auto pointer>
constexpr std::string_view printed() {
  return __PRETTY_FUNCTION__;
}

// "... = Pointer<...>{(& phantom<...>....clip_low)}; ..." or "...{&phantom.object.clip_low}]"
constexpr std::string_view last_name(std::string_view text) {
  std::size_t end = text.rfind(")}");
  if (end == std::string_view::npos) end = text.rfind("}]");
  std::size_t begin = end;
  const auto is_word = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

template <class T, std::size_t i>
constexpr std::string_view member_name() {
  constexpr auto pointers = with_members(
      phantom<T>.object, [](auto&... members) { return std::make_tuple(&members...); });
  return last_name(printed<Pointer{std::get<i>(pointers)}>());
}

}  // namespace detail

// Types whose members for_each_member visits.
template <class T>
inline constexpr bool has_members = std::is_class_v<T>&& std::is_aggregate_v<T> &&
                                    (std::is_empty_v<T> || detail::count_members<T>() > 0);

// Calls f(name, member) for each member in the order of declaration.
template <class T, class F>
constexpr void for_each_member(T& object, F&& f) {
  using Plain = std::remove_const_t<T>;
  detail::with_members(object, [&]<class... M>(M&... members) {
    [&]<std::size_t... i>(std::index_sequence<i...>) {
      (f(detail::member_name<Plain, i>(), members), ...);
    }
    (std::index_sequence_for<M...>{});
  });
}

}  // namespace v0
}  // namespace hone
