// Activations of the MLP, their gated products and the soft cap.
//
// An activation is a functor over float, double or pack with its derivative beside it. Backward
// passes recompute from the input, so nothing is stored.
#pragma once

#include <concepts>
#include <cstdint>

#include "hone/core/math.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/scalar.hpp"
#include "hone/kernel/elementwise.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

// A constant in the precision of T.
template <class T>
T number(double x) {
  if constexpr (std::same_as<T, double>)
    return x;
  else
    return T(static_cast<float>(x));
}

}  // namespace detail

// f(x) = max(x, 0); f'(0) = 0.
struct Relu {
  template <class T>
  T operator()(const T& x) const {
    return select(x < T(0.0f), T(0.0f), x);
  }
  template <class T>
  T derivative(const T& x) const {
    return select(x > T(0.0f), T(1.0f), T(0.0f));
  }
};

// f(x) = x/2 (1 + tanh(a (x + b x^3))), a = sqrt(2/pi), b = 0.044715; Hendrycks, Gimpel, "Gaussian
// Error Linear Units", section 2; "gelu_new" and "gelu_pytorch_tanh" of transformers.
struct GeluTanh {
  template <class T>
  T operator()(const T& x) const {
    return product(product(T(0.5f), x), T(1.0f) + tangent(x));
  }
  template <class T>
  T derivative(const T& x) const {
    const T t = tangent(x);
    const T inner = fma(product(x, x), detail::number<T>(3 * a * b), detail::number<T>(a));
    const T slope = product(fma(-t, t, T(1.0f)), product(x, inner));
    return product(T(0.5f), (T(1.0f) + t) + slope);
  }

 private:
  static constexpr double a = 0.79788456080286535588, b = 0.044715;
  template <class T>
  static T tangent(const T& x) {
    return tanh(product(x, fma(product(x, x), detail::number<T>(a * b), detail::number<T>(a))));
  }
};

// f(x) = x/2 (1 + erf(x / sqrt(2))); the same paper's exact form, "gelu" of transformers.
struct GeluErf {
  template <class T>
  T operator()(const T& x) const {
    return product(x, normal(x));
  }
  template <class T>
  T derivative(const T& x) const {
    const T density =
        product(detail::number<T>(0.39894228040143267794), exp(product(T(-0.5f), product(x, x))));
    return fma(x, density, normal(x));
  }

 private:
  template <class T>
  static T normal(const T& x) {
    return product(T(0.5f), T(1.0f) + erf(product(x, detail::number<T>(0.70710678118654752440))));
  }
};

// f(x) = x / (1 + exp(-x)).
struct Silu {
  template <class T>
  T operator()(const T& x) const {
    return product(x, sigmoid(x));
  }
  template <class T>
  T derivative(const T& x) const {
    const T s = sigmoid(x);
    return product(s, fma(x, T(1.0f) - s, T(1.0f)));
  }
};

// f(x) = cap tanh(x / cap): the soft cap of scores and logits; Gemma 2's report, section 2.
struct SoftCap {
  float cap = 1.0f;
  template <class T>
  T operator()(const T& x) const {
    return product(T(cap), tanh(x / T(cap)));
  }
  template <class T>
  T derivative(const T& x) const {
    const T t = tanh(x / T(cap));
    return fma(-t, t, T(1.0f));
  }
};

// y[i] = f(x[i]); y may be x.
template <class F>
void activate(const F& f, std::int64_t n, const float* x, float* y) {
  detail::fill_packs(n, y,
                     [&](std::int64_t i, int count) { return f(detail::load_pack(x + i, count)); });
}

// dx[i] = dy[i] f'(x[i]): written, not accumulated. dx may be dy or x.
template <class F>
void activate_backward(const F& f, std::int64_t n, const float* x, const float* dy, float* dx) {
  detail::fill_packs(n, dx, [&](std::int64_t i, int count) {
    return detail::load_pack(dy + i, count) * f.derivative(detail::load_pack(x + i, count));
  });
}

// Gate and up projection of a gated MLP, side by side in one buffer or in two.
struct GateShape {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t ld_gate = 0;  // distance between rows of gate, up and their gradients; 0: cols
  std::int64_t ld_y = 0;     // distance between rows of y and dy; 0: cols
};

namespace detail {

// f(offset in gate and up, offset in y, count) over all packs of all rows.
template <class F>
void each_gate(const GateShape& s, const F& f) {
  const std::int64_t ld_gate = s.ld_gate == 0 ? s.cols : s.ld_gate;
  const std::int64_t ld_y = s.ld_y == 0 ? s.cols : s.ld_y;
  split_range(s.rows, s.cols, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      each_pack(0, s.cols,
                [&](std::int64_t c, int count) { f(r * ld_gate + c, r * ld_y + c, count); });
  });
}

}  // namespace detail

// y = f(gate) up; y may be gate or up if their distances agree.
template <class F>
void gate(const F& f, const GateShape& shape, const float* gate, const float* up, float* y) {
  detail::each_gate(shape, [&](std::int64_t i, std::int64_t j, int count) {
    detail::store_pack(f(detail::load_pack(gate + i, count)) * detail::load_pack(up + i, count),
                       y + j, count);
  });
}

// dgate = dy up f'(gate), dup = dy f(gate): written, not accumulated. dgate may be gate and dup may
// be up; the inputs are then gone.
template <class F>
void gate_backward(const F& f, const GateShape& shape, const float* gate, const float* up,
                   const float* dy, float* dgate, float* dup) {
  detail::each_gate(shape, [&](std::int64_t i, std::int64_t j, int count) {
    const pack g = detail::load_pack(gate + i, count), u = detail::load_pack(up + i, count);
    const pack d = detail::load_pack(dy + j, count);
    detail::store_pack(d * u * f.derivative(g), dgate + i, count);
    detail::store_pack(d * f(g), dup + i, count);
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
