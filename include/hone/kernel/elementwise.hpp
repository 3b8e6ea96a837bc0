// Sums, scalings and row copies between the larger kernels.
//
// Every function computes each output from its own inputs, or as one chain over rows ascending, so
// the bits do not depend on how rows are split over threads or calls.
#pragma once

#include <algorithm>
#include <cstdint>

#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

// A block of a row-major matrix and one to write; an `ld` is the distance between rows, 0 stands
// for `cols`.
struct RowsShape {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t ld_x = 0;  // of the matrix that is read
  std::int64_t ld_y = 0;  // of the matrix that is written
};

namespace detail {

// Numbers that a thread works on at a time: more costs balance, less costs claims.
inline constexpr std::int64_t chunk_numbers = 16384;

// f(begin, end) over parts of [0, n), each of about chunk_numbers / width items.
template <class F>
void split_range(std::int64_t n, std::int64_t width, const F& f) {
  const std::int64_t step =
      std::max<std::int64_t>(1, chunk_numbers / std::max<std::int64_t>(1, width));
  parallel_for((n + step - 1) / step,
               [&](std::int64_t chunk) { f(chunk * step, std::min(n, (chunk + 1) * step)); });
}

// f(begin, end) over parts of the columns [0, cols) that are whole cache lines, each meeting all
// `rows`: chains over rows stay whole.
template <class F>
void split_columns(std::int64_t rows, std::int64_t cols, const F& f) {
  const std::int64_t step =
      std::max<std::int64_t>(64, chunk_numbers / std::max<std::int64_t>(1, rows) / 16 * 16);
  parallel_for((cols + step - 1) / step,
               [&](std::int64_t chunk) { f(chunk * step, std::min(cols, (chunk + 1) * step)); });
}

// f(i, count) for packs of count numbers from i on: 16 of them, fewer at the end.
template <class F>
void each_pack(std::int64_t begin, std::int64_t end, const F& f) {
  for (std::int64_t i = begin; i < end; i += 16)
    f(i, static_cast<int>(std::min<std::int64_t>(16, end - i)));
}

// The first `count` lanes, 16 of them in the common case.
inline pack load_pack(const float* p, int count) {
  return count == 16 ? pack::load(p) : pack::load(p, count);
}
inline void store_pack(pack x, float* p, int count) {
  if (count == 16)
    x.store(p);
  else
    x.store(p, count);
}

inline RowsShape with_distances(RowsShape s) {
  if (s.ld_x == 0) s.ld_x = s.cols;
  if (s.ld_y == 0) s.ld_y = s.cols;
  return s;
}

// y[i] = f(i, count) on n numbers in packs.
template <class F>
void fill_packs(std::int64_t n, float* y, const F& f) {
  split_range(n, 1, [&](std::int64_t begin, std::int64_t end) {
    each_pack(begin, end,
              [&](std::int64_t i, int count) { store_pack(f(i, count), y + i, count); });
  });
}

}  // namespace detail

// y[i] = a[i] + b[i]; y may be a or b.
inline void add(std::int64_t n, const float* a, const float* b, float* y) {
  detail::fill_packs(n, y, [=](std::int64_t i, int count) {
    return detail::load_pack(a + i, count) + detail::load_pack(b + i, count);
  });
}

// y[i] = factor * x[i]; y may be x.
inline void scale(std::int64_t n, float factor, const float* x, float* y) {
  detail::fill_packs(n, y, [=](std::int64_t i, int count) {
    return pack(factor) * detail::load_pack(x + i, count);
  });
}

// y[i] = fma(factor, x[i], y[i]).
inline void add_scaled(std::int64_t n, float factor, const float* x, float* y) {
  detail::fill_packs(n, y, [=](std::int64_t i, int count) {
    return fma(pack(factor), detail::load_pack(x + i, count), detail::load_pack(y + i, count));
  });
}

// y[i] = value.
inline void fill(std::int64_t n, float value, float* y) {
  detail::split_range(
      n, 1, [=](std::int64_t begin, std::int64_t end) { std::fill(y + begin, y + end, value); });
}

// y[r] = x[r].
inline void copy_rows(const RowsShape& shape, const float* x, float* y) {
  const RowsShape s = detail::with_distances(shape);
  detail::split_range(s.rows, s.cols, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) std::copy_n(x + r * s.ld_x, s.cols, y + r * s.ld_y);
  });
}

// y[r] += x[r].
inline void add_rows(const RowsShape& shape, const float* x, float* y) {
  const RowsShape s = detail::with_distances(shape);
  detail::split_range(s.rows, s.cols, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      detail::each_pack(0, s.cols, [&](std::int64_t c, int count) {
        float* to = y + r * s.ld_y + c;
        detail::store_pack(
            detail::load_pack(to, count) + detail::load_pack(x + r * s.ld_x + c, count), to, count);
      });
  });
}

// y[r] = x[index[r]]. The same row may be taken several times.
inline void gather_rows(const RowsShape& shape, const std::int64_t* index, const float* x,
                        float* y) {
  const RowsShape s = detail::with_distances(shape);
  detail::split_range(s.rows, s.cols, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      std::copy_n(x + index[r] * s.ld_x, s.cols, y + r * s.ld_y);
  });
}

// y[index[r]] += x[r], r ascending: the gradient of gather_rows. A row met several times is one
// chain over r.
inline void scatter_add_rows(const RowsShape& shape, const std::int64_t* index, const float* x,
                             float* y) {
  const RowsShape s = detail::with_distances(shape);
  detail::split_columns(s.rows, s.cols, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = 0; r < s.rows; ++r)
      detail::each_pack(begin, end, [&](std::int64_t c, int count) {
        float* to = y + index[r] * s.ld_y + c;
        detail::store_pack(
            detail::load_pack(to, count) + detail::load_pack(x + r * s.ld_x + c, count), to, count);
      });
  });
}

// sum[c] += x[r, c], one chain over r ascending from the stored value: the gradient of a bias.
inline void sum_rows(const RowsShape& shape, const float* x, float* sum) {
  const RowsShape s = detail::with_distances(shape);
  detail::split_columns(s.rows, s.cols, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = 0; r < s.rows; ++r)
      detail::each_pack(begin, end, [&](std::int64_t c, int count) {
        detail::store_pack(
            detail::load_pack(sum + c, count) + detail::load_pack(x + r * s.ld_x + c, count),
            sum + c, count);
      });
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
