// The shape of a linear layer and the layout of its weight: panels of 16 outputs.
#pragma once

#include <cstdint>

#include "hone/core/config.hpp"
#include "hone/core/parallel.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

// x [rows, in], y [rows, out], row by row; an `ld` is the distance between rows, 0: no gap.
struct LinearShape {
  std::int64_t rows = 0;
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t ld_x = 0;  // of x and dx; 0: in
  std::int64_t ld_y = 0;  // of y and dy; 0: out
};

// Panels that hold `out` outputs.
constexpr std::int64_t panel_count(std::int64_t out) { return (out + 15) / 16; }
// Floats that a weight of shape [out, in] takes.
constexpr std::int64_t panel_size(std::int64_t out, std::int64_t in) {
  return panel_count(out) * in * 16;
}
// Where element (n, k) of a weight lies: P[n / 16][k][n % 16].
constexpr std::int64_t panel_index(std::int64_t in, std::int64_t n, std::int64_t k) {
  return (n / 16 * in + k) * 16 + n % 16;
}

namespace detail {

inline LinearShape with_distances(LinearShape s) {
  if (s.ld_x == 0) s.ld_x = s.in;
  if (s.ld_y == 0) s.ld_y = s.out;
  return s;
}

}  // namespace detail

// Row-major w [out, in] into panels P[ceil(out / 16)][in][16], the layout that every kernel reads.
// Outputs that do not exist, in the last panel, are zero.
inline void pack_panels(const float* w, std::int64_t out, std::int64_t in, float* panels) {
  parallel_for(panel_count(out), [=](std::int64_t p) {
    for (std::int64_t k = 0; k < in; ++k)
      for (std::int64_t l = 0; l < 16; ++l) {
        const std::int64_t n = p * 16 + l;
        panels[(p * in + k) * 16 + l] = n < out ? w[n * in + k] : 0.0f;
      }
  });
}

// The way back.
inline void unpack_panels(const float* panels, std::int64_t out, std::int64_t in, float* w) {
  parallel_for(panel_count(out), [=](std::int64_t p) {
    for (std::int64_t n = p * 16; n < out && n < p * 16 + 16; ++n)
      for (std::int64_t k = 0; k < in; ++k) w[n * in + k] = panels[panel_index(in, n, k)];
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
