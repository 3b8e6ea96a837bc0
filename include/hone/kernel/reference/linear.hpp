// The linear layer as its definition: three nested loops over fma.
//
// With T = float it gives the bits of the fast version; with T = double it is the mathematics to
// more digits, for finite differences.
#pragma once

#include <cstdint>

#include "hone/core/scalar.hpp"
#include "hone/kernel/linear_shape.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

// y[m, n] = bias[n] + sum over k ascending of x[m, k] w[n, k]
template <class T>
void linear(LinearShape s, const T* x, const T* panels, const T* bias, T* y) {
  s = detail::with_distances(s);
  for (std::int64_t m = 0; m < s.rows; ++m)
    for (std::int64_t n = 0; n < s.out; ++n) {
      T sum = bias ? bias[n] : T(0);
      for (std::int64_t k = 0; k < s.in; ++k)
        sum = fma(x[m * s.ld_x + k], panels[panel_index(s.in, n, k)], sum);
      y[m * s.ld_y + n] = sum;
    }
}

// dx[m, k] = (dx[m, k] or 0) + sum over n ascending of dy[m, n] w[n, k]
template <class T>
void linear_input_gradient(LinearShape s, const T* dy, const T* panels, T* dx,
                           bool accumulate = false) {
  s = detail::with_distances(s);
  for (std::int64_t m = 0; m < s.rows; ++m)
    for (std::int64_t k = 0; k < s.in; ++k) {
      T sum = accumulate ? dx[m * s.ld_x + k] : T(0);
      for (std::int64_t n = 0; n < s.out; ++n)
        sum = fma(dy[m * s.ld_y + n], panels[panel_index(s.in, n, k)], sum);
      dx[m * s.ld_x + k] = sum;
    }
}

// dw[n, k] += sum over m ascending of dy[m, n] x[m, k];  dbias[n] += sum over m of dy[m, n]
template <class T>
void linear_weight_gradient(LinearShape s, const T* dy, const T* x, T* dpanels, T* dbias) {
  s = detail::with_distances(s);
  for (std::int64_t n = 0; n < s.out; ++n) {
    if (dpanels)
      for (std::int64_t k = 0; k < s.in; ++k) {
        T& sum = dpanels[panel_index(s.in, n, k)];
        for (std::int64_t m = 0; m < s.rows; ++m)
          sum = fma(x[m * s.ld_x + k], dy[m * s.ld_y + n], sum);
      }
    if (dbias)
      for (std::int64_t m = 0; m < s.rows; ++m) dbias[n] += dy[m * s.ld_y + n];
  }
}

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
