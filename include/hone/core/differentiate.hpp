// An objective's value and derivatives from plain numbers: the one place where duals are seeded.
#pragma once

#include "hone/core/dual.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/reads.hpp"

namespace hone {
inline namespace v0 {

// value = f(in); slope.x = df / d in.x, 0 for fields by which f has no derivative.
template <class Inputs, class V>
struct Differentiated {
  V value{};
  Inputs slope{};
};

namespace detail {

template <class V, int N, class R>
HONE_HD constexpr dual<V, N> result_as(const R& r) {
  if constexpr (is_dual<R>)
    return dual<V, N>(r);
  else
    return dual<V, N>(hone::detail::lift<V>(r));
}

}  // namespace detail

// V is float, double or pack. Only as many derivatives are carried as f has.
template <class F, class V, template <class> class Inputs>
HONE_HD constexpr Differentiated<Inputs<V>, V> differentiate(const F& f, const Inputs<V>& in) {
  constexpr int n = slopes<F>;
  constexpr auto wanted = differentiates<F>;
  using T = dual<V, n>;
  Inputs<T> x;
  int slot = 0;
  Inputs<V>::each(
      [&](auto& to, const V& from, bool on) {
        to = from;
        if constexpr (n > 0 && std::is_same_v<decltype(to), T&>)
          if (on) to.slope[slot++] = V(1);
      },
      x, in, wanted);

  const T out = detail::result_as<V, n>(f(x));
  Differentiated<Inputs<V>, V> result;
  result.value = out.value;
  slot = 0;
  Inputs<V>::each(
      [&](auto& x_slope, bool on) { x_slope = on ? derivative(out, n > 0 ? slot++ : 0) : V(0); },
      result.slope, wanted);
  return result;
}

// The value alone.
template <class F, class V, template <class> class Inputs>
HONE_HD constexpr V value_at(const F& f, const Inputs<V>& in) {
  Inputs<dual<V, 0>> x;
  Inputs<V>::each([](auto& to, const V& from) { to = from; }, x, in);
  return detail::result_as<V, 0>(f(x)).value;
}

}  // namespace v0
}  // namespace hone
