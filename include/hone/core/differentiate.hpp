// An objective's value and derivatives from plain numbers: the one place where duals are seeded.
#pragma once

#include "hone/core/dual.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/reads.hpp"

namespace hone {
inline namespace v0 {

namespace detail {

// The place of each field's derivative in the duals that F is run on, -1 for fields without.
struct Slots {
  int of[fields_limit];
};
template <class F, Level L>
constexpr Slots slots() {
  Slots s{};
  int field = 0, next = 0;
  const auto wanted = differentiates<F, L>;
  wanted.each([&](bool on) { s.of[field++] = on ? next++ : -1; }, wanted);
  return s;
}

template <class V, int N, class R>
HONE_HD constexpr dual<V, N> result_as(const R& r) {
  if constexpr (is_dual<R>)
    return dual<V, N>(r);
  else
    return dual<V, N>(lift<V>(r));
}

// A sum of two functors, which says so with `static constexpr bool additive = true`, is
// differentiated term by term: each carries its own derivatives only.
template <class F>
concept additive = requires(const F& f) {
  F::additive;
  f.first;
  f.second;
};

}  // namespace detail

// f's value and slopes<F> derivatives, in the order of the fields. Fields that f does not read may
// be unset. V is float, double or pack.
template <class F, class V, template <class> class Inputs>
[[gnu::always_inline]] HONE_HD constexpr dual<V, slopes<F, Inputs<V>::level>> run(
    const F& f, const Inputs<dual<V, 0>>& in) {
  constexpr Level level = Inputs<V>::level;
  constexpr int n = slopes<F, level>;
  constexpr auto slots = detail::slots<F, level>();
  if constexpr (n == 0) {
    return detail::result_as<V, 0>(f(in));
  } else if constexpr (detail::additive<F>) {
    using First = std::remove_cvref_t<decltype(f.first)>;
    using Second = std::remove_cvref_t<decltype(f.second)>;
    constexpr auto first_slots = detail::slots<First, level>();
    constexpr auto second_slots = detail::slots<Second, level>();
    const auto first = run(f.first, in);
    const auto second = run(f.second, in);
    dual<V, n> out;
    out.value = first.value + second.value;
    constexpr auto wanted = differentiates<F, level>;
    int field = 0;
    wanted.each(
        [&](bool) {
          const int slot = slots.of[field], i = first_slots.of[field], j = second_slots.of[field];
          ++field;
          if (slot < 0) return;
          out.slope[slot] = i < 0   ? derivative(second, j)
                            : j < 0 ? derivative(first, i)
                                    : static_cast<V>(derivative(first, i) + derivative(second, j));
        },
        wanted);
    return out;
  } else {
    using T = dual<V, n>;
    constexpr auto read = reads<F, level>;
    Inputs<T> x;
    int field = 0;
    Inputs<V>::each(
        [&](auto& to, const dual<V, 0>& from, bool used) {
          if (used) {
            to = from;
            if constexpr (std::is_same_v<decltype(to), T&>)
              if (slots.of[field] >= 0) to.slope[slots.of[field]] = V(1);
          }
          ++field;
        },
        x, in, read);
    return detail::result_as<V, n>(f(x));
  }
}

// value = f(in); slope.x = df / d in.x, 0 for fields by which f has no derivative.
template <class Inputs, class V>
struct Differentiated {
  V value{};
  Inputs slope{};
};

template <class F, class V, template <class> class Inputs>
[[gnu::always_inline]] HONE_HD constexpr Differentiated<Inputs<V>, V> differentiate(
    const F& f, const Inputs<V>& in) {
  constexpr auto slots = detail::slots<F, Inputs<V>::level>();
  Inputs<dual<V, 0>> x;
  Inputs<V>::each([](auto& to, const V& from) { to = from; }, x, in);
  const auto out = run(f, x);
  Differentiated<Inputs<V>, V> result;
  result.value = out.value;
  int field = 0;
  Inputs<V>::each(
      [&](V& slope) {
        const int slot = slots.of[field++];
        slope = slot >= 0 ? derivative(out, slot) : V(0);
      },
      result.slope);
  return result;
}

// The value alone.
template <class F, class V, template <class> class Inputs>
[[gnu::always_inline]] HONE_HD constexpr V value_at(const F& f, const Inputs<V>& in) {
  Inputs<dual<V, 0>> x;
  Inputs<V>::each([](auto& to, const V& from) { to = from; }, x, in);
  return detail::result_as<V, 0>(f(x)).value;
}

}  // namespace v0
}  // namespace hone
