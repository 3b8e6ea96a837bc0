// RMS norm and layer norm in plain loops; rows and groups are one list of vectors without gaps.
//
// With T = float these give the bits of kernel/norm.hpp, with T = double more digits.
#pragma once

#include <cmath>
#include <cstdint>

#include "hone/core/scalar.hpp"
#include "hone/kernel/reference/lanes.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

// One norm layer: `vectors` vectors of `dim` numbers.
template <class T>
struct Norm {
  std::int64_t vectors = 0;
  std::int64_t dim = 0;
  T eps = T(0);
  T weight_offset = T(0);
  const T* x = nullptr;       // [vectors, dim]
  const T* weight = nullptr;  // [dim]
  const T* bias = nullptr;    // [dim], layer norm only
};

// What the backward passes add to; shapes as in Norm.
template <class T>
struct NormGradients {
  T* dx = nullptr;
  T* dweight = nullptr;
  T* dbias = nullptr;
};

template <class T>
T inverse_rms(const Norm<T>& n, const T* x) {
  LaneSum<T> squares;
  for (std::int64_t i = 0; i < n.dim; ++i) squares.add_product(i, x[i], x[i]);
  return T(1) / std::sqrt(squares.sum() / static_cast<T>(n.dim) + n.eps);
}

template <class T>
void rms_norm(const Norm<T>& n, T* y) {
  for (std::int64_t v = 0; v < n.vectors; ++v) {
    const T* x = n.x + v * n.dim;
    const T r = inverse_rms(n, x);
    for (std::int64_t i = 0; i < n.dim; ++i)
      y[v * n.dim + i] = product(product(x[i], r), n.weight_offset + n.weight[i]);
  }
}

template <class T>
void rms_norm_backward(const Norm<T>& n, const T* dy, const NormGradients<T>& grad) {
  for (std::int64_t v = 0; v < n.vectors; ++v) {
    const T* x = n.x + v * n.dim;
    const T* g = dy + v * n.dim;
    const T r = inverse_rms(n, x);
    const auto weighted = [&](std::int64_t i) {
      return product(g[i], n.weight_offset + n.weight[i]);
    };
    LaneSum<T> total;
    for (std::int64_t i = 0; i < n.dim; ++i) total.add_product(i, weighted(i), x[i]);
    const T lean = product(product(r, r), total.sum() / static_cast<T>(n.dim));
    for (std::int64_t i = 0; i < n.dim; ++i) {
      T& dx = grad.dx[v * n.dim + i];
      dx = fma(r, fma(-x[i], lean, weighted(i)), dx);
      grad.dweight[i] = fma(g[i], product(x[i], r), grad.dweight[i]);
    }
  }
}

template <class T>
struct Moments {
  T mean;
  T inv_std;
};

template <class T>
Moments<T> moments(const Norm<T>& n, const T* x) {
  LaneSum<T> total, squares;
  for (std::int64_t i = 0; i < n.dim; ++i) total.add(i, x[i]);
  const T mean = total.sum() / static_cast<T>(n.dim);
  for (std::int64_t i = 0; i < n.dim; ++i) squares.add_product(i, x[i] - mean, x[i] - mean);
  return {mean, T(1) / std::sqrt(squares.sum() / static_cast<T>(n.dim) + n.eps)};
}

template <class T>
void layer_norm(const Norm<T>& n, T* y) {
  for (std::int64_t v = 0; v < n.vectors; ++v) {
    const T* x = n.x + v * n.dim;
    const auto [mean, r] = moments(n, x);
    for (std::int64_t i = 0; i < n.dim; ++i)
      y[v * n.dim + i] = fma(product(x[i] - mean, r), n.weight[i], n.bias[i]);
  }
}

template <class T>
void layer_norm_backward(const Norm<T>& n, const T* dy, const NormGradients<T>& grad) {
  for (std::int64_t v = 0; v < n.vectors; ++v) {
    const T* x = n.x + v * n.dim;
    const T* g = dy + v * n.dim;
    const auto m = moments(n, x);
    const auto normal = [&](std::int64_t i) { return product(x[i] - m.mean, m.inv_std); };
    LaneSum<T> total, lean;
    for (std::int64_t i = 0; i < n.dim; ++i) {
      total.add(i, product(g[i], n.weight[i]));
      lean.add_product(i, product(g[i], n.weight[i]), normal(i));
    }
    const T shift = total.sum() / static_cast<T>(n.dim);
    const T tilt = lean.sum() / static_cast<T>(n.dim);
    for (std::int64_t i = 0; i < n.dim; ++i) {
      T& dx = grad.dx[v * n.dim + i];
      dx = fma(m.inv_std, fma(-normal(i), tilt, product(g[i], n.weight[i]) - shift), dx);
      grad.dweight[i] = fma(g[i], normal(i), grad.dweight[i]);
      grad.dbias[i] += g[i];
    }
  }
}

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
