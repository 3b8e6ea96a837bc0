// The second stage of the head on a GPU: from logits and given derivatives to dL / dz, in place.
//
// For objectives of sequences and pairs (GSPO, DPO): their derivative by each row's log-probability
// and entropy is known once all rows are scored (score_rows.cuh). One thread block per row; the row
// equals that of head_rows for the same derivatives, bit for bit.
#pragma once

#include <cstdint>

#include "hone/kernel/cuda/block.cuh"
#include "hone/kernel/cuda/head_row.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

struct GradientRowsArguments {
  float* logits = nullptr;                // [rows, ld]: in z, out dL / dz
  LogitsShape shape = {};                 // of z
  const std::int32_t* targets = nullptr;  // [rows]
  const float* d_logprob = nullptr;       // [rows] dL / dlogprob
  const float* d_entropy = nullptr;       // [rows] dL / dentropy; not read unless `Entropy`
};

// A row without a derivative is masked, whatever stands in it. gridDim.x = rows; blockDim.x a
// multiple of 32.
template <bool Entropy>
__global__ void gradient_rows(const GradientRowsArguments a) {
  __shared__ float shared[warp];
  const auto r = static_cast<std::int64_t>(blockIdx.x);
  float* z = a.logits + r * a.shape.ld;
  const float by_logprob = a.d_logprob[r];
  float by_entropy = 0.0f;
  if constexpr (Entropy) by_entropy = a.d_entropy[r];
  if (by_logprob == 0.0f && by_entropy == 0.0f) {
    clear_row(z, a.shape.vocab);
    return;
  }
  const LogitsRow row{z, a.shape};
  const RowSummary s = summarise_row<Entropy>(row, shared);
  differentiate_row<Entropy>(row, s, a.targets[r], by_logprob, by_entropy, z);
}

#if defined(__CUDACC__)
// Enqueues it for `rows` rows; with derivatives by the entropy if there are any.
inline void launch_gradient_rows(const GradientRowsArguments& a, unsigned rows,
                                 cudaStream_t stream = nullptr, unsigned threads = 256) {
  if (rows == 0) return;
  if (a.d_entropy)
    gradient_rows<true><<<rows, threads, 0, stream>>>(a);
  else
    gradient_rows<false><<<rows, threads, 0, stream>>>(a);
}
#endif

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
