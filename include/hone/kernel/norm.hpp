// RMS norm and layer norm over rows, or over heads inside rows, forward and backward.
//
// Sums over a vector run in 16 lanes (lane = index % 16, chained ascending) and end in the one
// fixed tree. Weight gradients are one chain over rows ascending (heads inside a row ascending),
// starting from the stored value, so splitting a batch changes no bit.
#pragma once

#include <cstdint>

namespace hone {
inline namespace v0 {
namespace kernel {

// `rows` rows of `groups` vectors of `dim` numbers side by side: groups = 1 normalises whole rows,
// groups = heads normalises each head of a [rows, heads * head_dim] matrix (Qwen 3).
struct NormShape {
  std::int64_t rows = 0;
  std::int64_t dim = 0;
  std::int64_t groups = 1;
  std::int64_t ld_x = 0;  // distance between rows of x and dx; 0: groups * dim
  std::int64_t ld_y = 0;  // distance between rows of y and dy; 0: groups * dim
  float eps = 1e-5f;
  float weight_offset = 0.0f;  // RMS norm only: y = xhat (offset + weight); 1 for Gemma
};

// y = x r (offset + weight), r = 1 / sqrt(mean(x^2) + eps); Zhang, Sennrich, "Root Mean Square
// Layer Normalization", eq. 4. y may be x. inv_rms [rows, groups] receives r; nullptr: not needed.
inline void rms_norm(const NormShape& shape, const float* x, const float* weight, float* y,
                     float* inv_rms);

// With g = dy (offset + weight): dx += r g - x r^3 mean(g x); dweight += dy x r.
// dx or dweight may be nullptr: not needed (an adapter trains above a frozen norm).
inline void rms_norm_backward(const NormShape& shape, const float* x, const float* weight,
                              const float* inv_rms, const float* dy, float* dx, float* dweight);

// y = (x - mean) r weight + bias, r = 1 / sqrt(var + eps), var = mean((x - mean)^2); Ba, Kiros,
// Hinton, "Layer Normalization", eq. 4. y may be x. mean and inv_std are [rows, groups] or nullptr.
inline void layer_norm(const NormShape& shape, const float* x, const float* weight,
                       const float* bias, float* y, float* mean, float* inv_std);

// With g = dy weight, h = (x - mean) r: dx += r (g - mean(g) - h mean(g h)); dweight += dy h;
// dbias += dy. dx, dweight, dbias may be nullptr.
inline void layer_norm_backward(const NormShape& shape, const float* x, const float* weight,
                                const float* mean, const float* inv_std, const float* dy, float* dx,
                                float* dweight, float* dbias);

}  // namespace kernel
}  // namespace v0
}  // namespace hone
