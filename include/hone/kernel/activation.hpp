// Activations of the MLP, their gated products and the soft cap.
//
// An activation is a functor over float, double or pack with its derivative beside it. Backward
// passes recompute from the input, so nothing is stored.
#pragma once

#include <cstdint>

namespace hone {
inline namespace v0 {
namespace kernel {

// f(x) = max(x, 0); f'(0) = 0.
struct Relu {
  template <class T>
  T operator()(const T& x) const;
  template <class T>
  T derivative(const T& x) const;
};

// f(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); Hendrycks, Gimpel, "Gaussian Error Linear
// Units", section 2; "gelu_new", "gelu_pytorch_tanh".
struct GeluTanh {
  template <class T>
  T operator()(const T& x) const;
  template <class T>
  T derivative(const T& x) const;
};

// f(x) = x/2 (1 + erf(x / sqrt(2))); the same paper's exact form, "gelu".
struct GeluErf {
  template <class T>
  T operator()(const T& x) const;
  template <class T>
  T derivative(const T& x) const;
};

// f(x) = x / (1 + exp(-x)).
struct Silu {
  template <class T>
  T operator()(const T& x) const;
  template <class T>
  T derivative(const T& x) const;
};

// f(x) = cap tanh(x / cap); Gemma 2's soft cap of scores and logits.
struct SoftCap {
  float cap = 0.0f;
  template <class T>
  T operator()(const T& x) const;
  template <class T>
  T derivative(const T& x) const;
};

// y[i] = f(x[i]); y may be x.
template <class F>
void activate(const F& f, std::int64_t n, const float* x, float* y);

// dx[i] = dy[i] f'(x[i]): written, not accumulated; dx may be dy or x.
template <class F>
void activate_backward(const F& f, std::int64_t n, const float* x, const float* dy, float* dx);

// Gate and up projection of a gated MLP, side by side in one buffer or in two.
struct GateShape {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t ld_gate = 0;  // distance between rows of gate, up and their gradients; 0: cols
  std::int64_t ld_y = 0;     // of y and dy; 0: cols
};

// y = f(gate) * up; y may be gate or up.
template <class F>
void gate(const F& f, const GateShape& shape, const float* gate, const float* up, float* y);

// dgate = dy * up * f'(gate), dup = dy * f(gate): written, not accumulated. dgate may be gate and
// dup may be up (the inputs are then gone).
template <class F>
void gate_backward(const F& f, const GateShape& shape, const float* gate, const float* up,
                   const float* dy, float* dgate, float* dup);

}  // namespace kernel
}  // namespace v0
}  // namespace hone
