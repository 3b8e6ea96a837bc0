// Rotary positions in plain loops, with the standard library's powers and sines.
#pragma once

#include <cmath>
#include <cstdint>

#include "hone/core/scalar.hpp"
#include "hone/kernel/rotary.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

// freq[i] for 2 i = `even`, in double throughout.
inline double rotary_frequency(const RotaryNumbers& n, std::int64_t even) {
  const double frequency = std::pow(static_cast<double>(n.theta),
                                    -static_cast<double>(even) / static_cast<double>(n.head_dim));
  if (n.factor == 1.0f) return frequency;
  const auto length = static_cast<double>(n.original_max_positions);
  const double wave = 2 * 3.14159265358979323846 / frequency;
  const double low = n.low_freq_factor, high = n.high_freq_factor, factor = n.factor;
  if (wave > length / low) return frequency / factor;
  if (wave < length / high) return frequency;
  const double smooth = (length / wave - low) / (high - low);
  return (1 - smooth) * frequency / factor + smooth * frequency;
}

// One head: x and y are [head_dim].
inline void rotate(const RotaryNumbers& n, std::int64_t position, const double* x, double* y) {
  const std::int64_t half = n.head_dim / 2;
  for (std::int64_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * rotary_frequency(n, 2 * i);
    y[i] = x[i] * std::cos(angle) - x[i + half] * std::sin(angle);
    y[i + half] = x[i + half] * std::cos(angle) + x[i] * std::sin(angle);
  }
}

// The inverse of rotate, which is its transpose: what it makes of dy is the gradient by x.
inline void rotate_inverse(const RotaryNumbers& n, std::int64_t position, const double* dy,
                           double* dx) {
  const std::int64_t half = n.head_dim / 2;
  for (std::int64_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * rotary_frequency(n, 2 * i);
    dx[i] = dy[i] * std::cos(angle) + dy[i + half] * std::sin(angle);
    dx[i + half] = dy[i + half] * std::cos(angle) - dy[i] * std::sin(angle);
  }
}

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
