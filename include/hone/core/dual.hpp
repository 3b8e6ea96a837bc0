// Numbers that carry their derivatives: v + sum_i d_i e_i with e_i e_j = 0.
//
// A formula written once for dual<V, N> gives its value and N partial derivatives in one pass,
// exact to rounding, with no graph (forward-mode differentiation; Wengert, "A simple automatic
// derivative evaluation program", CACM 1964). V is float, double, pack (16 tokens at once) or
// trace (which inputs were read). N = 0 is a constant: a number whose derivatives are not kept.
//
// Every operation on floats is rounded on its own, so a lane of a pack and a float give the same
// bits. Where a function has a corner, the derivative is the one that PyTorch takes:
//   abs(x)            0 at x = 0
//   min(a, b), max    half of each argument's derivative where a == b
//   clamp(x, lo, hi)  that of x on the closed interval [lo, hi], 0 outside
//   select(m, a, b)   that of the chosen argument; the other one's, NaN included, is dropped
// NaN is never swallowed: min, max and clamp return NaN if an argument is NaN.
#pragma once

#include <type_traits>

#include "hone/core/config.hpp"
#include "hone/core/math.hpp"
#include "hone/core/pack.hpp"

namespace hone {
inline namespace v0 {

template <class V, int N = 1>
struct dual;

template <class T>
inline constexpr bool is_dual = false;
template <class V, int N>
inline constexpr bool is_dual<dual<V, N>> = true;

namespace detail {

// The plain number type that literals of a formula over V have: float in 16 lanes is still float.
template <class V>
using literal_of = std::conditional_t<std::is_same_v<V, double>, double, float>;

// A V from a V or from a plain number.
template <class V, class U>
HONE_HD constexpr V lift(const U& u) {
  if constexpr (std::is_arithmetic_v<U>)
    return V(static_cast<literal_of<V>>(u));
  else
    return V(u);
}

template <class T>
struct dual_traits {
  static constexpr bool dual = false;
};
template <class V, int N>
struct dual_traits<hone::dual<V, N>> {
  static constexpr bool dual = true;
  static constexpr int n = N;
  using value = V;
};

// The value type of whichever of A and B is a dual number.
template <class A, class B>
using value_of = typename std::conditional_t<is_dual<A>, dual_traits<A>, dual_traits<B>>::value;

// A and B may be combined: both are duals over one V with equally many derivatives (or one has
// none), or one is such a dual and the other a plain number or a V.
template <class A, class B>
constexpr bool mixes() {
  if constexpr (is_dual<A> && is_dual<B>) {
    using TA = dual_traits<A>;
    using TB = dual_traits<B>;
    return std::is_same_v<typename TA::value, typename TB::value> &&
           (TA::n == TB::n || TA::n == 0 || TB::n == 0);
  } else if constexpr (is_dual<A>) {
    return std::is_arithmetic_v<B> || std::is_same_v<B, typename dual_traits<A>::value>;
  } else if constexpr (is_dual<B>) {
    return std::is_arithmetic_v<A> || std::is_same_v<A, typename dual_traits<B>::value>;
  } else {
    return false;
  }
}

template <class A, class B>
concept dual_operands = mixes<A, B>();

// x as a dual over V: a dual stays, a plain number becomes a constant.
template <class V, class T>
HONE_HD constexpr auto as_dual(const T& x) {
  if constexpr (is_dual<T>)
    return x;
  else
    return hone::dual<V, 0>(lift<V>(x));
}

template <class>
inline constexpr bool never = false;

}  // namespace detail

// The outcome of a comparison, for select: a bool, or one bool per lane. It has no conversion to
// bool, since a formula is evaluated for 16 tokens at once and cannot branch.
template <class M>
struct truth {
  M lanes;

  template <class U = M>
  HONE_HD explicit constexpr operator bool() const {
    static_assert(detail::never<U>,
                  "hone: a formula must not branch on its inputs, because it is evaluated for 16 "
                  "tokens at once: write select(condition, a, b) instead of `condition ? a : b` "
                  "or `if (condition)`");
    return false;
  }

  friend HONE_HD constexpr truth operator&(const truth& a, const truth& b) {
    return {static_cast<M>(a.lanes & b.lanes)};
  }
  friend HONE_HD constexpr truth operator|(const truth& a, const truth& b) {
    return {static_cast<M>(a.lanes | b.lanes)};
  }
  friend HONE_HD constexpr truth operator!(const truth& a) { return {static_cast<M>(!a.lanes)}; }
  friend HONE_HD constexpr truth operator&&(const truth& a, const truth& b) { return a & b; }
  friend HONE_HD constexpr truth operator||(const truth& a, const truth& b) { return a | b; }
};

template <class V, int N>
struct dual {
  using value_type = V;
  static constexpr int size = N;

  V value;
  V slope[N];  // [N] partial derivatives

  HONE_HD constexpr dual() {}  // not set
  HONE_HD constexpr dual(const V& v) : value(v), slope{} { clear(); }
  template <class U>
  requires(std::is_arithmetic_v<U> && !std::is_same_v<U, V>) HONE_HD constexpr dual(U u)
      : dual(detail::lift<V>(u)) {}
  HONE_HD constexpr dual(const dual<V, 0>& c) : dual(c.value) {}

  // The i-th independent variable: its derivative by itself is 1.
  HONE_HD static constexpr dual variable(const V& v, int i) {
    dual x(v);
    x.slope[i] = V(1);
    return x;
  }

 private:
  HONE_HD constexpr void clear() {
    for (int i = 0; i < N; ++i) slope[i] = V(0);
  }
};

template <class V>
struct dual<V, 0> {
  using value_type = V;
  static constexpr int size = 0;

  V value;

  HONE_HD constexpr dual() {}  // not set
  HONE_HD constexpr dual(const V& v) : value(v) {}
  template <class U>
  requires(std::is_arithmetic_v<U> && !std::is_same_v<U, V>) HONE_HD constexpr dual(U u)
      : value(detail::lift<V>(u)) {}
};

// The i-th derivative of what a formula returned; 0 for a constant.
template <class V, int N>
HONE_HD constexpr V derivative(const dual<V, N>& x, int i) {
  if constexpr (N > 0)
    return x.slope[i];
  else
    return V(0);
}

// x with no derivative: what it was computed from gets no gradient through it (`detach`, `sg`).
template <class V, int N>
HONE_HD constexpr dual<V, 0> stop_gradient(const dual<V, N>& x) {
  return dual<V, 0>(x.value);
}
template <class T>
requires(std::is_arithmetic_v<T>) HONE_HD constexpr T stop_gradient(T x) { return x; }

// The type of an input that is not differentiated where the differentiated ones are T.
template <class T>
struct constant_type {
  using type = T;
};
template <class V, int N>
struct constant_type<dual<V, N>> {
  using type = dual<V, 0>;
};
template <class T>
using constant_t = typename constant_type<T>::type;

namespace detail {

// f(x) from f's value and derivative at x.
template <class V, int N>
HONE_HD constexpr dual<V, N> chain(const dual<V, N>& x, const V& f, const V& df) {
  dual<V, N> r;
  r.value = f;
  if constexpr (N > 0)
    for (int i = 0; i < N; ++i) r.slope[i] = product(df, x.slope[i]);
  return r;
}

// f(a, b), where slope(sa, sb), slope_a(sa) and slope_b(sb) give a derivative from the arguments'.
template <class V, int N, int M, class Both, class First, class Second>
HONE_HD constexpr auto merge(const dual<V, N>& a, const dual<V, M>& b, const V& f, Both both,
                             First first, Second second) {
  dual<V, (N > M ? N : M)> r;
  r.value = f;
  if constexpr (N > 0 && M > 0)
    for (int i = 0; i < N; ++i) r.slope[i] = both(a.slope[i], b.slope[i]);
  else if constexpr (N > 0)
    for (int i = 0; i < N; ++i) r.slope[i] = first(a.slope[i]);
  else if constexpr (M > 0)
    for (int i = 0; i < M; ++i) r.slope[i] = second(b.slope[i]);
  return r;
}

// Chooses lane by lane; the argument that is not chosen leaves no trace, derivatives included.
template <class M, class V, int N, int K>
HONE_HD constexpr auto choose(const M& m, const dual<V, N>& a, const dual<V, K>& b) {
  return merge(
      a, b, static_cast<V>(select(m, a.value, b.value)),
      [&](const V& x, const V& y) -> V { return select(m, x, y); },
      [&](const V& x) -> V { return keep(m, x); },
      [&](const V& y) -> V { return select(m, V(0), y); });
}

// The argument that wins, or half of both where neither does: that is either of them at a tie, and
// NaN if one of them is.
template <class M, class V, int N, int K>
HONE_HD constexpr auto extreme(const M& a_wins, const M& b_wins, const dual<V, N>& a,
                               const dual<V, K>& b) {
  const auto pick = [&](const V& x, const V& y) -> V {
    return select(a_wins, x, select(b_wins, y, product(V(0.5f), static_cast<V>(x + y))));
  };
  return merge(
      a, b, pick(a.value, b.value), pick, [&](const V& x) -> V { return pick(x, V(0)); },
      [&](const V& y) -> V { return pick(V(0), y); });
}

}  // namespace detail

template <class V, int N>
HONE_HD constexpr dual<V, N> operator+(const dual<V, N>& x) {
  return x;
}
template <class V, int N>
HONE_HD constexpr dual<V, N> operator-(const dual<V, N>& x) {
  dual<V, N> r;
  r.value = -x.value;
  if constexpr (N > 0)
    for (int i = 0; i < N; ++i) r.slope[i] = -x.slope[i];
  return r;
}

template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator+(const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  const auto x = detail::as_dual<V>(a);
  const auto y = detail::as_dual<V>(b);
  return detail::merge(
      x, y, static_cast<V>(x.value + y.value), [](const V& s, const V& t) -> V { return s + t; },
      [](const V& s) -> V { return s; }, [](const V& t) -> V { return t; });
}
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator-(const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  const auto x = detail::as_dual<V>(a);
  const auto y = detail::as_dual<V>(b);
  return detail::merge(
      x, y, static_cast<V>(x.value - y.value), [](const V& s, const V& t) -> V { return s - t; },
      [](const V& s) -> V { return s; }, [](const V& t) -> V { return -t; });
}
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator*(const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  const auto x = detail::as_dual<V>(a);
  const auto y = detail::as_dual<V>(b);
  return detail::merge(
      x, y, product(x.value, y.value),
      [&](const V& s, const V& t) -> V { return product(s, y.value) + product(x.value, t); },
      [&](const V& s) -> V { return product(s, y.value); },
      [&](const V& t) -> V { return product(x.value, t); });
}
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator/(const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  const auto x = detail::as_dual<V>(a);
  const auto y = detail::as_dual<V>(b);
  const V q = x.value / y.value;
  return detail::merge(
      x, y, q, [&](const V& s, const V& t) -> V { return (s - product(q, t)) / y.value; },
      [&](const V& s) -> V { return s / y.value; },
      [&](const V& t) -> V { return -product(q, t) / y.value; });
}

// a b + c; the value is rounded once.
template <class A, class B, class C>
requires(detail::dual_operands<A, B> && (is_dual<C> || std::is_arithmetic_v<C>)) HONE_HD
    constexpr auto fma(const A& a, const B& b, const C& c) {
  using V = detail::value_of<A, B>;
  auto r = a * b + c;
  r.value =
      fma(detail::as_dual<V>(a).value, detail::as_dual<V>(b).value, detail::as_dual<V>(c).value);
  return r;
}

template <class V, int N, class B>
requires detail::dual_operands<dual<V, N>, B> HONE_HD constexpr dual<V, N>& operator+=(
    dual<V, N>& a, const B& b) {
  return a = a + b;
}
template <class V, int N, class B>
requires detail::dual_operands<dual<V, N>, B> HONE_HD constexpr dual<V, N>& operator-=(
    dual<V, N>& a, const B& b) {
  return a = a - b;
}
template <class V, int N, class B>
requires detail::dual_operands<dual<V, N>, B> HONE_HD constexpr dual<V, N>& operator*=(
    dual<V, N>& a, const B& b) {
  return a = a * b;
}
template <class V, int N, class B>
requires detail::dual_operands<dual<V, N>, B> HONE_HD constexpr dual<V, N>& operator/=(
    dual<V, N>& a, const B& b) {
  return a = a / b;
}

// Comparisons look at values only.
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator<(const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  using M = decltype(std::declval<V>() < std::declval<V>());
  return truth<M>{detail::as_dual<V>(a).value < detail::as_dual<V>(b).value};
}
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator<=(const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  using M = decltype(std::declval<V>() <= std::declval<V>());
  return truth<M>{detail::as_dual<V>(a).value <= detail::as_dual<V>(b).value};
}
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator>(const A& a, const B& b) {
  return b < a;
}
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator>=(const A& a, const B& b) {
  return b <= a;
}
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator==(const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  using M = decltype(std::declval<V>() == std::declval<V>());
  return truth<M>{detail::as_dual<V>(a).value == detail::as_dual<V>(b).value};
}
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto operator!=(const A& a, const B& b) {
  return !(a == b);
}

// a where the condition holds, b elsewhere.
template <class M>
HONE_HD constexpr truth<M> select(const truth<M>& condition, const truth<M>& a, const truth<M>& b) {
  return (condition & a) | ((!condition) & b);
}
template <class M, class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto select(const truth<M>& condition,
                                                                   const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  return detail::choose(condition.lanes, detail::as_dual<V>(a), detail::as_dual<V>(b));
}

namespace detail {
// What a comparison's outcome type says about the numbers that were compared.
template <class M>
struct compared {
  using type = M;
};
template <>
struct compared<pack_mask> {
  using type = pack;
};
}  // namespace detail

// The same for two plain numbers, such as two coefficients of a policy.
template <class M, class A, class B>
requires(std::is_arithmetic_v<A>&& std::is_arithmetic_v<B>) HONE_HD
    constexpr auto select(const truth<M>& condition, A a, B b) {
  if constexpr (std::is_same_v<M, bool>) {
    return condition.lanes ? a : b;
  } else {
    using V = typename detail::compared<M>::type;
    return dual<V, 0>(select(condition.lanes, detail::lift<V>(a), detail::lift<V>(b)));
  }
}

template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto min(const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  const auto x = detail::as_dual<V>(a);
  const auto y = detail::as_dual<V>(b);
  return detail::extreme(x.value < y.value, y.value < x.value, x, y);
}
template <class A, class B>
requires detail::dual_operands<A, B> HONE_HD constexpr auto max(const A& a, const B& b) {
  using V = detail::value_of<A, B>;
  const auto x = detail::as_dual<V>(a);
  const auto y = detail::as_dual<V>(b);
  return detail::extreme(y.value < x.value, x.value < y.value, x, y);
}

// x limited to [low, high]; the limits are constants.
template <class V, int N, class L, class H>
requires detail::dual_operands<dual<V, N>, L> && detail::dual_operands<dual<V, N>, H>
    HONE_HD constexpr dual<V, N> clamp(const dual<V, N>& x, const L& low, const H& high) {
  const V lo = detail::as_dual<V>(low).value;
  const V hi = detail::as_dual<V>(high).value;
  dual<V, N> r;
  r.value = clamp(x.value, lo, hi);
  if constexpr (N > 0) {
    const auto inside = r.value == x.value;
    for (int i = 0; i < N; ++i) r.slope[i] = keep(inside, x.slope[i]);
  }
  return r;
}

template <class V, int N>
HONE_HD constexpr dual<V, N> abs(const dual<V, N>& x) {
  const auto positive = V(0) < x.value;
  const auto negative = x.value < V(0);
  const auto slope = [&](const V& d) -> V {
    return select(positive, d, select(negative, static_cast<V>(-d), product(x.value, V(0))));
  };
  return detail::merge(
      x, dual<V, 0>(V(0)), static_cast<V>(select(negative, static_cast<V>(-x.value), x.value)),
      [&](const V& d, const V&) -> V { return slope(d); }, slope,
      [&](const V& d) -> V { return d; });
}

template <class V, int N>
HONE_HD constexpr dual<V, N> exp(const dual<V, N>& x) {
  const V e = exp(x.value);
  return detail::chain(x, e, e);
}
template <class V, int N>
HONE_HD constexpr dual<V, N> expm1(const dual<V, N>& x) {
  if constexpr (N == 0)
    return dual<V, 0>(static_cast<V>(expm1(x.value)));
  else
    return detail::chain(x, static_cast<V>(expm1(x.value)), static_cast<V>(exp(x.value)));
}
// e^x - 1 - x, with the derivative e^x - 1 accurate near 0 as well.
template <class V, int N>
HONE_HD constexpr dual<V, N> expm1_minus_x(const dual<V, N>& x) {
  const V e = expm1(x.value);
  return detail::chain(x, static_cast<V>(e - x.value), e);
}
template <class V, int N>
HONE_HD constexpr dual<V, N> log(const dual<V, N>& x) {
  return detail::chain(x, static_cast<V>(log(x.value)), static_cast<V>(V(1) / x.value));
}
template <class V, int N>
HONE_HD constexpr dual<V, N> log1p(const dual<V, N>& x) {
  return detail::chain(x, static_cast<V>(log1p(x.value)), static_cast<V>(V(1) / (V(1) + x.value)));
}
template <class V, int N>
HONE_HD constexpr dual<V, N> sqrt(const dual<V, N>& x) {
  const V root = sqrt(x.value);
  return detail::chain(x, root, static_cast<V>(V(0.5f) / root));
}
template <class V, int N>
HONE_HD constexpr dual<V, N> tanh(const dual<V, N>& x) {
  const V t = tanh(x.value);
  return detail::chain(x, t, static_cast<V>(V(1) - product(t, t)));
}
template <class V, int N>
HONE_HD constexpr dual<V, N> sigmoid(const dual<V, N>& x) {
  const V s = sigmoid(x.value);
  if constexpr (N == 0)
    return dual<V, 0>(s);
  else
    return detail::chain(x, s, product(s, static_cast<V>(sigmoid(static_cast<V>(-x.value)))));
}
template <class V, int N>
HONE_HD constexpr dual<V, N> log_sigmoid(const dual<V, N>& x) {
  const V f = log_sigmoid(x.value);
  if constexpr (N == 0)
    return dual<V, 0>(f);
  else
    return detail::chain(x, f, static_cast<V>(sigmoid(static_cast<V>(-x.value))));
}
template <class V, int N>
HONE_HD constexpr dual<V, N> softplus(const dual<V, N>& x) {
  const V f = softplus(x.value);
  if constexpr (N == 0)
    return dual<V, 0>(f);
  else
    return detail::chain(x, f, static_cast<V>(sigmoid(x.value)));
}

}  // namespace v0
}  // namespace hone
