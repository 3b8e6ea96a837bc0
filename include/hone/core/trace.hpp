// A number that knows only what it was computed from.
//
// A formula evaluated on traces tells which inputs its result depends on, without a value. It runs
// at compile time: so a loss that never looks at the reference model is known not to need one.
#pragma once

#include <cstdint>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {

// Bit i: the result depends on input i. The outcome of a comparison is a trace too.
struct trace {
  std::uint64_t bits = 0;

  trace() = default;
  constexpr trace(double) {}  // a literal depends on nothing
  static constexpr trace input(int i) {
    trace t;
    t.bits = std::uint64_t{1} << i;
    return t;
  }
  constexpr bool depends_on(int i) const { return (bits >> i) & 1u; }

  static constexpr trace join(trace a, trace b) {
    a.bits |= b.bits;
    return a;
  }

  friend constexpr trace operator+(trace a, trace b) { return join(a, b); }
  friend constexpr trace operator-(trace a, trace b) { return join(a, b); }
  friend constexpr trace operator*(trace a, trace b) { return join(a, b); }
  friend constexpr trace operator/(trace a, trace b) { return join(a, b); }
  friend constexpr trace operator-(trace a) { return a; }
  friend constexpr trace operator<(trace a, trace b) { return join(a, b); }
  friend constexpr trace operator<=(trace a, trace b) { return join(a, b); }
  friend constexpr trace operator==(trace a, trace b) { return join(a, b); }
  friend constexpr trace operator&(trace a, trace b) { return join(a, b); }
  friend constexpr trace operator|(trace a, trace b) { return join(a, b); }
  friend constexpr trace operator!(trace a) { return a; }

  friend constexpr trace fma(trace a, trace b, trace c) { return join(a, join(b, c)); }
  friend constexpr trace product(trace a, trace b) { return join(a, b); }
  friend constexpr trace select(trace condition, trace a, trace b) {
    return join(condition, join(a, b));
  }
  friend constexpr trace keep(trace condition, trace a) { return join(condition, a); }
  friend constexpr trace clamp(trace x, trace low, trace high) { return join(x, join(low, high)); }
  friend constexpr trace exp(trace a) { return a; }
  friend constexpr trace expm1(trace a) { return a; }
  friend constexpr trace log(trace a) { return a; }
  friend constexpr trace log1p(trace a) { return a; }
  friend constexpr trace sqrt(trace a) { return a; }
  friend constexpr trace tanh(trace a) { return a; }
  friend constexpr trace sigmoid(trace a) { return a; }
  friend constexpr trace log_sigmoid(trace a) { return a; }
  friend constexpr trace softplus(trace a) { return a; }
};

}  // namespace v0
}  // namespace hone
