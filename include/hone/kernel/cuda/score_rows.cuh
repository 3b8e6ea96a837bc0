// Log-probabilities and entropies of rows of logits on a GPU: what a reference pass, a metric or
// the first stage of an objective of whole answers takes.
//
// One thread block per row. The logits stay as they are, so that where all rows fit, the second
// stage (gradient_rows.cuh) can take the same ones.
#pragma once

#include <cstdint>

#include "hone/kernel/cuda/block.cuh"
#include "hone/kernel/cuda/head_row.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

struct ScoreRowsArguments {
  const float* logits = nullptr;          // [rows, ld]
  LogitsShape shape = {};                 // of them
  const std::int32_t* targets = nullptr;  // [rows]
  float* logprobs = nullptr;              // [rows] out
  float* entropies = nullptr;             // [rows] out; not touched unless `Entropy`
};

// gridDim.x = rows; blockDim.x a multiple of 32.
template <bool Entropy>
__global__ void score_rows(const ScoreRowsArguments a) {
  __shared__ float shared[warp];
  const auto r = static_cast<std::int64_t>(blockIdx.x);
  const LogitsRow row{a.logits + r * a.shape.ld, a.shape};
  const RowSummary s = summarise_row<Entropy>(row, shared);
  if (threadIdx.x != 0) return;
  a.logprobs[r] = s.logprob(row.capped(a.targets[r]), a.shape.temperature);
  if constexpr (Entropy) a.entropies[r] = s.entropy;
}

#if defined(__CUDACC__)
// Enqueues it for `rows` rows; with entropies if there is room for them.
inline void launch_score_rows(const ScoreRowsArguments& a, unsigned rows,
                              cudaStream_t stream = nullptr, unsigned threads = 256) {
  if (rows == 0) return;
  if (a.entropies)
    score_rows<true><<<rows, threads, 0, stream>>>(a);
  else
    score_rows<false><<<rows, threads, 0, stream>>>(a);
}
#endif

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
