// Activations and gated products in plain loops, over the same functors as kernel/activation.hpp.
#pragma once

#include <cstdint>

#include "hone/core/scalar.hpp"
#include "hone/kernel/activation.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

template <class F, class T>
void activate(const F& f, std::int64_t n, const T* x, T* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

template <class F, class T>
void activate_backward(const F& f, std::int64_t n, const T* x, const T* dy, T* dx) {
  for (std::int64_t i = 0; i < n; ++i) dx[i] = product(dy[i], f.derivative(x[i]));
}

template <class F, class T>
void gate(const F& f, std::int64_t n, const T* gate, const T* up, T* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = product(f(gate[i]), up[i]);
}

template <class F, class T>
void gate_backward(const F& f, std::int64_t n, const T* gate, const T* up, const T* dy, T* dgate,
                   T* dup) {
  for (std::int64_t i = 0; i < n; ++i) {
    dgate[i] = product(product(dy[i], up[i]), f.derivative(gate[i]));
    dup[i] = product(dy[i], f(gate[i]));
  }
}

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
