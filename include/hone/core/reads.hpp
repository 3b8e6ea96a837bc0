// Which inputs an objective reads, and which it differentiates, known when it is compiled.
//
// The functor is run on traces in a constant expression. What it does not read need not exist: no
// reference pass, no critic, no entropy. Members count with their default values (captures of a
// lambda with zero), so a formula should not switch a term on with `if (coef != 0)`; `check_reads`
// finds one that does. A functor that cannot run in a constant expression reads everything.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "hone/core/dual.hpp"
#include "hone/core/error.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/trace.hpp"

namespace hone {
inline namespace v0 {

// F can be called with the record of its level, and returns a number.
template <class F>
concept objective = requires(const F& f, const inputs_of<F, dual<float, 1>>& in) {
  { f(in) } -> std::convertible_to<dual<float, 1>>;
};

namespace detail {

inline constexpr int fields_limit = 32;  // bit i: the value of field i; bit 32 + i: its derivative

template <class F>
struct Dependence {
  inputs_of<F, bool> read{}, differentiated{};
};

// Runs f on traces: at compile time for a functor's type, at run time for the object itself.
template <class F>
constexpr Dependence<F> dependence(const F& f) {
  constexpr int n = 8;
  using T = dual<trace, n>;
  inputs_of<F, T> in{};
  int field = 0, slot = 0;
  const auto seed = [&](auto& x) {
    x.value = trace::input(field);
    if constexpr (std::is_same_v<decltype(x), T&>) {
      for (int i = 0; i < n; ++i) x.slope[i] = trace();
      x.slope[slot++] = trace::input(fields_limit + field);
    }
    ++field;
  };
  in.each(seed, in);

  const T out = f(in);
  Dependence<F> d;
  field = slot = 0;
  const auto note = [&](const auto& x, bool& read, bool& differentiated) {
    read = out.value.depends_on(field);
    if constexpr (std::is_same_v<decltype(x), const T&>)
      differentiated = out.slope[slot++].depends_on(fields_limit + field);
    ++field;
  };
  in.each(note, in, d.read, d.differentiated);
  return d;
}

template <class F>
constexpr Dependence<F> everything() {
  using T = dual<trace, 1>;
  inputs_of<F, T> in{};
  Dependence<F> d;
  const auto note = [](const auto& x, bool& read, bool& differentiated) {
    read = true;
    differentiated = std::is_same_v<decltype(x), const T&>;
  };
  in.each(note, in, d.read, d.differentiated);
  return d;
}

template <class F>
struct Zeros {
  unsigned char bytes[sizeof(F)]{};
};

template <class F>
constexpr Dependence<F> dependence_of_type() {
  if constexpr (std::is_default_constructible_v<F>)
    return dependence(F{});
  else
    return dependence(std::bit_cast<F>(Zeros<F>{}));
}

template <class F>
concept traceable = objective<F> && requires {
  typename std::integral_constant<bool, (dependence_of_type<F>(), true)>;
};

template <class F>
constexpr Dependence<F> known_dependence() {
  if constexpr (traceable<F>)
    return dependence_of_type<F>();
  else
    return everything<F>();
}

template <class F>
inline constexpr auto dependence_v = known_dependence<std::remove_cvref_t<F>>();

template <class Inputs>
constexpr int count_fields(const Inputs& fields) {
  int n = 0;
  fields.each([&](bool on) { n += on; }, fields);
  return n;
}

}  // namespace detail

// reads<PpoClip>.old_logprob is true, reads<PpoClip>.ref_logprob is false.
template <class F>
inline constexpr auto reads = detail::dependence_v<F>.read;

// The fields by which the objective has a derivative: entropy only if it is in the loss itself.
template <class F>
inline constexpr auto differentiates = detail::dependence_v<F>.differentiated;

// How many.
template <class F>
inline constexpr int slopes = detail::count_fields(differentiates<F>);

// Throws if this very object reads or differentiates a field that its type was not seen to. Called
// once, before training.
template <class F>
void check_reads(const F& f) {
  const auto now = detail::dependence(f);
  bool hidden = false;
  const auto compare = [&](bool is, bool was) { hidden = hidden || (is && !was); };
  now.read.each(compare, now.read, reads<F>);
  now.read.each(compare, now.differentiated, differentiates<F>);
  require(!hidden,
          "loss: the values of this objective's members (or a lambda's captures) make it read a "
          "field that it does not read with default (zero) ones: write the term without a branch, "
          "such as `coef * t.entropy`");
}

}  // namespace v0
}  // namespace hone
