// One row of logits as a distribution, by the threads of a block, and the way back to the logits.
//
//   s_v     = z_v / temperature, z capped before if asked for
//   logprob = s_v - max - log sum,   entropy = log sum - sum of exp(s_v - max) (s_v - max) / sum
//   dz_v    = (dlogprob ([v = target] - p_v) - dentropy p_v (log p_v + entropy)) ds_v / dz_v
//
// Every kernel of the head is made of these, so their numbers are equal. Sums run in the block's
// fixed tree: the same on every launch of the same block size, and equal to the CPU's up to
// rounding.
#pragma once

#include <cstdint>

#include "hone/core/math.hpp"
#include "hone/kernel/cuda/block.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

// Logits z [rows, ld], of which each row has `vocab`.
struct LogitsShape {
  std::int64_t ld = 0;
  std::int32_t vocab = 0;
  float temperature = 1.0f;
  float softcap = 0.0f;  // logits are capped before the temperature; 0: they are not
};

// z + row * ld, and what its numbers mean.
struct LogitsRow {
  const float* z;
  LogitsShape shape;

  __device__ float capped(int v) const {
    return shape.softcap > 0.0f ? shape.softcap * hone::tanh(z[v] / shape.softcap) : z[v];
  }
};

struct RowSummary {
  float max, log_sum, entropy;

  // Of a token with this capped logit.
  __device__ float logprob(float capped, float temperature) const {
    return capped / temperature - max - log_sum;
  }
};

// Every thread gets the same. `shared` [warp] may be used again afterwards; the row is not written.
template <bool Entropy>
__device__ RowSummary summarise_row(const LogitsRow& row, float* shared) {
  const int threads = static_cast<int>(blockDim.x), first = static_cast<int>(threadIdx.x);
  float largest = -__builtin_huge_valf();
  for (int v = first; v < row.shape.vocab; v += threads) {
    const float x = row.capped(v);
    largest = x > largest ? x : largest;
  }
  const float top = block_reduce(largest, Larger{}, shared) / row.shape.temperature;
  float sum = 0.0f, weighted = 0.0f;
  for (int v = first; v < row.shape.vocab; v += threads) {
    const float d = row.capped(v) / row.shape.temperature - top;
    const float e = hone::exp(d);
    sum += e;
    if constexpr (Entropy)
      if (e > 0.0f) weighted = fmaf(e, d, weighted);
  }
  sum = block_reduce(sum, Plus{}, shared);
  RowSummary out{top, hone::log(sum), 0.0f};
  if constexpr (Entropy) out.entropy = out.log_sum - block_reduce(weighted, Plus{}, shared) / sum;
  return out;
}

// dz [vocab], which may be the row itself.
template <bool Entropy>
__device__ void differentiate_row(const LogitsRow& row, const RowSummary& s, std::int32_t target,
                                  float by_logprob, float by_entropy, float* dz) {
  const int threads = static_cast<int>(blockDim.x), first = static_cast<int>(threadIdx.x);
  for (int v = first; v < row.shape.vocab; v += threads) {
    const float x = row.capped(v), logp = s.logprob(x, row.shape.temperature);
    const float p = hone::exp(logp);
    float d = by_logprob * ((v == target ? 1.0f : 0.0f) - p);
    if constexpr (Entropy)
      if (p > 0.0f) d = fmaf(-by_entropy * p, logp + s.entropy, d);
    d /= row.shape.temperature;
    if (row.shape.softcap > 0.0f) {
      const float c = x / row.shape.softcap;
      d *= 1.0f - c * c;
    }
    dz[v] = d;
  }
}

__device__ inline void clear_row(float* dz, std::int32_t vocab) {
  for (int v = static_cast<int>(threadIdx.x); v < vocab; v += static_cast<int>(blockDim.x))
    dz[v] = 0.0f;
}

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
