// Sums, scalings and row copies between the larger kernels.
//
// Every function computes each output from its own inputs, or as one chain over rows ascending, so
// the bits do not depend on how rows are split over threads or calls.
#pragma once

#include <cstdint>

namespace hone {
inline namespace v0 {
namespace kernel {

// y[i] = a[i] + b[i]; y may be a or b.
inline void add(std::int64_t n, const float* a, const float* b, float* y);

// y[i] = factor * x[i]; y may be x.
inline void scale(std::int64_t n, float factor, const float* x, float* y);

// y[i] = fma(factor, x[i], y[i]).
inline void add_scaled(std::int64_t n, float factor, const float* x, float* y);

// y[i] = value.
inline void fill(std::int64_t n, float value, float* y);

// A block of a row-major matrix; `ld` is the distance between rows, 0 stands for `cols`.
struct RowsShape {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t ld_x = 0;  // of the first matrix, read
  std::int64_t ld_y = 0;  // of the second matrix, written
};

// y[r] = x[r].
inline void copy_rows(const RowsShape& shape, const float* x, float* y);

// y[r] += x[r].
inline void add_rows(const RowsShape& shape, const float* x, float* y);

// y[r] = x[index[r]]. The same row may be taken several times.
inline void gather_rows(const RowsShape& shape, const std::int64_t* index, const float* x,
                        float* y);

// y[index[r]] += x[r], r ascending. The gradient of gather_rows; a row met several times is one
// chain over r.
inline void scatter_add_rows(const RowsShape& shape, const std::int64_t* index, const float* x,
                             float* y);

// dbias[c] += x[r, c], one chain over r ascending from the stored value.
inline void sum_rows(const RowsShape& shape, const float* x, float* dbias);

}  // namespace kernel
}  // namespace v0
}  // namespace hone
