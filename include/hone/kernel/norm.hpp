// RMS norm and layer norm over rows, or over heads inside rows, forward and backward.
//
// Sums over a vector run in 16 lanes (lane = index % 16, chained ascending) and end in the one
// fixed tree. Weight gradients are one chain over rows ascending (heads inside a row ascending),
// starting from the stored value, so splitting a batch changes no bit.
#pragma once

#include <cmath>
#include <cstdint>

#include "hone/core/pack.hpp"
#include "hone/core/scalar.hpp"
#include "hone/kernel/elementwise.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

// `rows` rows of `groups` vectors of `dim` numbers side by side: groups = 1 normalises whole rows,
// groups = heads each head of a [rows, heads * head_dim] matrix (Qwen 3).
struct NormShape {
  std::int64_t rows = 0;
  std::int64_t dim = 0;
  std::int64_t groups = 1;
  std::int64_t ld_x = 0;  // distance between rows of x and dx; 0: groups * dim
  std::int64_t ld_y = 0;  // distance between rows of y and dy; 0: groups * dim
  float eps = 1e-5f;
  float weight_offset = 0.0f;  // RMS norm only: y = x r (offset + weight); 1 for Gemma
};

namespace detail {

inline NormShape with_distances(NormShape s) {
  if (s.ld_x == 0) s.ld_x = s.groups * s.dim;
  if (s.ld_y == 0) s.ld_y = s.groups * s.dim;
  return s;
}

// f(index of the vector, its offset in x, its offset in y).
template <class F>
void each_vector(const NormShape& s, const F& f) {
  split_range(s.rows, s.groups * s.dim, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      for (std::int64_t g = 0; g < s.groups; ++g)
        f(r * s.groups + g, r * s.ld_x + g * s.dim, r * s.ld_y + g * s.dim);
  });
}

// f(column, count, vector, offset in x, offset in y): for chains over rows, every column meets its
// vectors in ascending order.
template <class F>
void each_weight(const NormShape& s, const F& f) {
  split_columns(s.rows * s.groups, s.dim, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = 0; r < s.rows; ++r)
      for (std::int64_t g = 0; g < s.groups; ++g)
        each_pack(begin, end, [&](std::int64_t c, int count) {
          f(c, count, r * s.groups + g, r * s.ld_x + g * s.dim + c, r * s.ld_y + g * s.dim + c);
        });
  });
}

}  // namespace detail

// y = x r (offset + weight), r = 1 / sqrt(mean(x^2) + eps); Zhang, Sennrich, "Root Mean Square
// Layer Normalization", eq. 4. y may be x. inv_rms [rows, groups] receives r; nullptr: not needed.
inline void rms_norm(const NormShape& shape, const float* x, const float* weight, float* y,
                     float* inv_rms) {
  const NormShape s = detail::with_distances(shape);
  detail::each_vector(s, [&](std::int64_t vector, std::int64_t at_x, std::int64_t at_y) {
    pack squares(0.0f);
    detail::each_pack(0, s.dim, [&](std::int64_t i, int count) {
      const pack v = detail::load_pack(x + at_x + i, count);
      squares = fma(v, v, squares);
    });
    const float r = 1.0f / std::sqrt(sum(squares) / static_cast<float>(s.dim) + s.eps);
    detail::each_pack(0, s.dim, [&](std::int64_t i, int count) {
      const pack w = pack(s.weight_offset) + detail::load_pack(weight + i, count);
      detail::store_pack(detail::load_pack(x + at_x + i, count) * pack(r) * w, y + at_y + i, count);
    });
    if (inv_rms != nullptr) inv_rms[vector] = r;
  });
}

// With g = dy (offset + weight): dx += r (g - x r^2 mean(g x)); dweight += dy x r. dx or dweight
// may be nullptr: not needed (an adapter trains above a frozen norm).
inline void rms_norm_backward(const NormShape& shape, const float* x, const float* weight,
                              const float* inv_rms, const float* dy, float* dx, float* dweight) {
  const NormShape s = detail::with_distances(shape);
  if (dx != nullptr)
    detail::each_vector(s, [&](std::int64_t vector, std::int64_t at_x, std::int64_t at_y) {
      const auto gradient = [&](std::int64_t i, int count) {
        const pack w = pack(s.weight_offset) + detail::load_pack(weight + i, count);
        return detail::load_pack(dy + at_y + i, count) * w;
      };
      pack total(0.0f);
      detail::each_pack(0, s.dim, [&](std::int64_t i, int count) {
        total = fma(gradient(i, count), detail::load_pack(x + at_x + i, count), total);
      });
      const float r = inv_rms[vector];
      const float mean = sum(total) / static_cast<float>(s.dim);
      const pack lean(product(product(r, r), mean));
      detail::each_pack(0, s.dim, [&](std::int64_t i, int count) {
        const pack v = detail::load_pack(x + at_x + i, count);
        float* to = dx + at_x + i;
        detail::store_pack(
            fma(pack(r), fma(-v, lean, gradient(i, count)), detail::load_pack(to, count)), to,
            count);
      });
    });
  if (dweight != nullptr)
    detail::each_weight(s, [&](std::int64_t c, int count, std::int64_t vector, std::int64_t at_x,
                               std::int64_t at_y) {
      const pack normal = detail::load_pack(x + at_x, count) * pack(inv_rms[vector]);
      detail::store_pack(
          fma(detail::load_pack(dy + at_y, count), normal, detail::load_pack(dweight + c, count)),
          dweight + c, count);
    });
}

// y = (x - mean) r weight + bias, r = 1 / sqrt(var + eps), var = mean((x - mean)^2); Ba, Kiros,
// Hinton, "Layer Normalization", eq. 4. y may be x. mean and inv_std are [rows, groups] or nullptr.
inline void layer_norm(const NormShape& shape, const float* x, const float* weight,
                       const float* bias, float* y, float* mean, float* inv_std) {
  const NormShape s = detail::with_distances(shape);
  detail::each_vector(s, [&](std::int64_t vector, std::int64_t at_x, std::int64_t at_y) {
    const auto size = static_cast<float>(s.dim);
    pack total(0.0f);
    detail::each_pack(0, s.dim, [&](std::int64_t i, int count) {
      total += detail::load_pack(x + at_x + i, count);
    });
    const float m = sum(total) / size;
    pack squares(0.0f);
    detail::each_pack(0, s.dim, [&](std::int64_t i, int count) {
      const pack d = detail::load_pack(x + at_x + i, count) - pack(m);
      squares = select(pack_mask::first(count), fma(d, d, squares), squares);
    });
    const float r = 1.0f / std::sqrt(sum(squares) / size + s.eps);
    detail::each_pack(0, s.dim, [&](std::int64_t i, int count) {
      const pack normal = (detail::load_pack(x + at_x + i, count) - pack(m)) * pack(r);
      detail::store_pack(
          fma(normal, detail::load_pack(weight + i, count), detail::load_pack(bias + i, count)),
          y + at_y + i, count);
    });
    if (mean != nullptr) mean[vector] = m;
    if (inv_std != nullptr) inv_std[vector] = r;
  });
}

// With g = dy weight, h = (x - mean) r: dx += r (g - mean(g) - h mean(g h)); dweight += dy h;
// dbias += dy. dx, dweight and dbias may be nullptr.
inline void layer_norm_backward(const NormShape& shape, const float* x, const float* weight,
                                const float* mean, const float* inv_std, const float* dy, float* dx,
                                float* dweight, float* dbias) {
  const NormShape s = detail::with_distances(shape);
  const auto normal = [&](std::int64_t vector, std::int64_t at, int count) {
    return (detail::load_pack(x + at, count) - pack(mean[vector])) * pack(inv_std[vector]);
  };
  if (dx != nullptr)
    detail::each_vector(s, [&](std::int64_t vector, std::int64_t at_x, std::int64_t at_y) {
      const auto gradient = [&](std::int64_t i, int count) {
        return detail::load_pack(dy + at_y + i, count) * detail::load_pack(weight + i, count);
      };
      pack total(0.0f), lean(0.0f);
      detail::each_pack(0, s.dim, [&](std::int64_t i, int count) {
        const pack g = gradient(i, count);
        total += g;
        lean = fma(g, normal(vector, at_x + i, count), lean);
      });
      const auto size = static_cast<float>(s.dim);
      const pack shift(sum(total) / size), tilt(sum(lean) / size), r(inv_std[vector]);
      detail::each_pack(0, s.dim, [&](std::int64_t i, int count) {
        const pack h = normal(vector, at_x + i, count);
        float* to = dx + at_x + i;
        detail::store_pack(
            fma(r, fma(-h, tilt, gradient(i, count) - shift), detail::load_pack(to, count)), to,
            count);
      });
    });
  if (dweight != nullptr)
    detail::each_weight(s, [&](std::int64_t c, int count, std::int64_t vector, std::int64_t at_x,
                               std::int64_t at_y) {
      detail::store_pack(fma(detail::load_pack(dy + at_y, count), normal(vector, at_x, count),
                             detail::load_pack(dweight + c, count)),
                         dweight + c, count);
    });
  if (dbias != nullptr)
    detail::each_weight(s, [&](std::int64_t c, int count, std::int64_t, std::int64_t,
                               std::int64_t at_y) {
      detail::store_pack(detail::load_pack(dbias + c, count) + detail::load_pack(dy + at_y, count),
                         dbias + c, count);
    });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
