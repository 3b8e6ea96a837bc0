// Means and variances of groups, and whitening, on a GPU.
//
// group_moments: one block per group, two passes in double: mean, then the sum of squared
// distances. whiten: core/whitening.hpp over unmasked entries, 0 elsewhere.
#pragma once

#include <cstdint>

#include "hone/core/whitening.hpp"
#include "hone/kernel/cuda/block.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

// Entries of group g: x[offsets[g]] .. x[offsets[g + 1]] with mask, if there is one, not 0.
// gridDim.x = groups; blockDim.x a multiple of 32.
template <int = 0>
__global__ void group_moments(const float* x, const std::uint8_t* mask, const std::int64_t* offsets,
                              Moments* out) {
  __shared__ double shared[warp];
  const std::int64_t begin = offsets[blockIdx.x], end = offsets[blockIdx.x + 1];
  double count = 0.0, sum = 0.0;
  for (std::int64_t t = begin + threadIdx.x; t < end; t += blockDim.x)
    if (!mask || mask[t]) {
      count += 1.0;
      sum += static_cast<double>(x[t]);
    }
  count = block_reduce(count, Plus{}, shared);
  sum = block_reduce(sum, Plus{}, shared);
  const double mean = count > 0.0 ? sum / count : 0.0;
  double squares = 0.0;
  for (std::int64_t t = begin + threadIdx.x; t < end; t += blockDim.x)
    if (!mask || mask[t]) {
      const double d = static_cast<double>(x[t]) - mean;
      squares += d * d;
    }
  squares = block_reduce(squares, Plus{}, shared);
  if (threadIdx.x == 0) out[blockIdx.x] = {static_cast<std::int64_t>(count), mean, squares};
}

struct WhitenArguments {
  const float* x = nullptr;            // [n]
  const std::uint8_t* mask = nullptr;  // [n], or null
  const Moments* moments = nullptr;    // [1] of the unmasked entries of the whole batch
  float* y = nullptr;                  // [n]; may be x
  std::int64_t n = 0;
  Whitening whitening = {};
};

template <int = 0>
__global__ void whiten(const WhitenArguments a) {
  const auto t = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (t >= a.n) return;
  if (a.mask && !a.mask[t]) {
    a.y[t] = 0.0f;
    return;
  }
  a.y[t] = a.whitening.line(*a.moments)(a.x[t]);
}

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
