// Means and variances of groups, and whitening, on a GPU.
//
// group_moments: one block per group, two passes in double: mean, then the sum of squared
// distances. whiten: y = (x - mean) / sqrt(variance + epsilon) over unmasked entries, 0 elsewhere;
// without shift_mean the mean is added back. A variance over fewer than ddof + 1 entries is 0.
#pragma once

#include <cstdint>

#include "hone/kernel/cuda/block.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

struct GroupMoments {
  double mean = 0.0;
  double squares = 0.0;  // sum of (x - mean)^2
  std::int64_t count = 0;
};

// Entries of group g: x[offsets[g]] .. x[offsets[g + 1]] with mask, if there is one, not 0.
// gridDim.x = groups; blockDim.x a multiple of 32.
template <int = 0>
__global__ void group_moments(const float* x, const std::uint8_t* mask, const std::int64_t* offsets,
                              GroupMoments* out) {
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
  if (threadIdx.x == 0) out[blockIdx.x] = {mean, squares, static_cast<std::int64_t>(count)};
}

struct WhitenArguments {
  const float* x = nullptr;               // [n]
  const std::uint8_t* mask = nullptr;     // [n], or null
  const GroupMoments* moments = nullptr;  // [1] of the unmasked entries of the whole batch
  float* y = nullptr;                     // [n]; may be x
  std::int64_t n = 0;
  int ddof = 1;
  double epsilon = 1e-8;  // inside the root
  bool shift_mean = true;
};

template <int = 0>
__global__ void whiten(const WhitenArguments a) {
  const auto t = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (t >= a.n) return;
  if (a.mask && !a.mask[t]) {
    a.y[t] = 0.0f;
    return;
  }
  const GroupMoments m = *a.moments;
  const double variance =
      m.count > a.ddof ? m.squares / static_cast<double>(m.count - a.ddof) : 0.0;
  const double centred = static_cast<double>(a.x[t]) - m.mean;
  const double scaled = variance > 0.0 ? centred / sqrt(variance + a.epsilon) : 0.0;
  a.y[t] = static_cast<float>(a.shift_mean ? scaled : scaled + m.mean);
}

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
