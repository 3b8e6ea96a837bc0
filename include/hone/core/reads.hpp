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

// F can be called with the record of a level (its own, if none is said), and returns a number.
template <class F, Level L = level_of<F>>
concept objective = requires(const F& f, const inputs_at<L, dual<float, 1>>& in) {
  { f(in) } -> std::convertible_to<dual<float, 1>>;
};

namespace detail {

inline constexpr int fields_limit = 32;  // bit i: the value of field i; bit 32 + i: its derivative

template <Level L>
struct Dependence {
  inputs_at<L, bool> read{}, differentiated{};
};

// Runs f on traces: at compile time for a functor's type, at run time for the object itself.
template <Level L, class F>
constexpr Dependence<L> dependence(const F& f) {
  constexpr int n = 8;
  using T = dual<trace, n>;
  inputs_at<L, T> in{};
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
  Dependence<L> d;
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

template <Level L>
constexpr Dependence<L> everything() {
  using T = dual<trace, 1>;
  inputs_at<L, T> in{};
  Dependence<L> d;
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

template <class F, Level L>
constexpr Dependence<L> dependence_of_type() {
  if constexpr (std::is_default_constructible_v<F>)
    return dependence<L>(F{});
  else
    return dependence<L>(std::bit_cast<F>(Zeros<F>{}));
}

template <class F, Level L>
concept traceable = objective<F, L> && requires {
  typename std::integral_constant<bool, (dependence_of_type<F, L>(), true)>;
};

template <class F, Level L>
constexpr Dependence<L> known_dependence() {
  if constexpr (traceable<F, L>)
    return dependence_of_type<F, L>();
  else
    return everything<L>();
}

template <class F, Level L>
inline constexpr Dependence<L> dependence_v = known_dependence<F, L>();

template <class Inputs>
constexpr int count_fields(const Inputs& fields) {
  int n = 0;
  fields.each([&](bool on) { n += on; }, fields);
  return n;
}

}  // namespace detail

// reads<PpoClip>.old_logprob is true, reads<PpoClip>.ref_logprob is false.
template <class F, Level L = level_of<F>>
inline constexpr auto reads = detail::dependence_v<std::remove_cvref_t<F>, L>.read;

// The fields by which the objective has a derivative: entropy only if it is in the loss itself.
template <class F, Level L = level_of<F>>
inline constexpr auto differentiates =
    detail::dependence_v<std::remove_cvref_t<F>, L>.differentiated;

// How many.
template <class F, Level L = level_of<F>>
inline constexpr int slopes = detail::count_fields(differentiates<F, L>);

namespace detail {

constexpr void note_sums(const SequenceInputs<bool>& from, TokenInputs<bool>& to) {
  to.logprob |= from.logprob;
  to.entropy |= from.entropy;
  to.old_logprob |= from.old_logprob;
  to.rollout_logprob |= from.rollout_logprob;
  to.ref_logprob |= from.ref_logprob;
  to.advantage |= from.advantage;
}

template <class F>
constexpr TokenInputs<bool> columns_read() {
  TokenInputs<bool> columns;
  if constexpr (level_of<F> == Level::token) {
    columns = reads<F>;
  } else if constexpr (level_of<F> == Level::sequence) {
    note_sums(reads<F>, columns);
  } else if constexpr (level_of<F> == Level::pair) {
    note_sums(reads<F>.chosen, columns);
    note_sums(reads<F>.rejected, columns);
  }
  if constexpr (has_token_stage<F>) {
    const auto stage = reads<TokenStage<F>>;
    columns.each([](bool& column, bool read) { column |= read; }, columns, stage);
  }
  return columns;
}

}  // namespace detail

// Which numbers of each token the objective depends on, at whatever level it reads them.
template <class F>
inline constexpr TokenInputs<bool> token_columns = detail::columns_read<std::remove_cvref_t<F>>();

namespace detail {

template <class F>
constexpr bool leaves_token_sum() {
  constexpr Level level = level_of<F>;
  if constexpr (!traceable<F, level>)
    return true;  // it reads everything, as far as can be seen
  else if constexpr (level == Level::sequence)
    return !reads<F>.token_sum;
  else if constexpr (level == Level::pair)
    return !reads<F>.chosen.token_sum && !reads<F>.rejected.token_sum;
  else
    return true;
}

}  // namespace detail

// False for an objective that reads token_sum and has no token stage: the sum would be 0
// throughout.
template <class F>
inline constexpr bool token_sum_is_filled = has_token_stage<F> || detail::leaves_token_sum<F>();

// Throws if this very object reads or differentiates a field that its type was not seen to. Called
// once, before training.
template <class F>
void check_reads(const F& f) {
  const auto now = detail::dependence<level_of<F>>(f);
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
