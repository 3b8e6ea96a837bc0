// L = first + second
//
// Both terms see the same record and are aggregated alike. The sum is of the first term's level.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

template <class First, class Second>
struct Sum {
  static constexpr Level level = level_of<First>;
  static constexpr bool additive = true;
  static_assert(
      !has_token_stage<First> || !has_token_stage<Second>,
      "hone: both terms of this Sum have a token stage, and a sequence has one token_sum: "
      "write one struct whose members token() and operator() hold both terms");

  First first{};
  Second second{};

  template <class Inputs>
  HONE_HD constexpr auto operator()(const Inputs& in) const {
    return first(in) + second(in);
  }

  // The token stage of the term that has one (see SequenceInputs::token_sum).
  template <class T>
  requires requires(const First& f, const TokenInputs<T>& t) { f.token(t); }
  HONE_HD constexpr auto token(const TokenInputs<T>& t) const { return first.token(t); }
  template <class T>
  requires requires(const Second& f, const TokenInputs<T>& t) { f.token(t); }
  HONE_HD constexpr auto token(const TokenInputs<T>& t) const { return second.token(t); }

  HONE_HD constexpr bool limits_off() {
    return hone::limits_off(first) && hone::limits_off(second);
  }
  HONE_HD constexpr const bool* option() const {
    const bool* const of_first = hone::option(first);
    return of_first ? of_first : hone::option(second);
  }
  bool operator==(const Sum&) const = default;
};

// first + second + ... for any number of terms.
template <class F>
constexpr F sum_of(F f) {
  return f;
}
template <class First, class Second, class... More>
constexpr auto sum_of(First first, Second second, More... more) {
  return sum_of(Sum<First, Second>{first, second}, more...);
}

}  // namespace loss
}  // namespace v0
}  // namespace hone
