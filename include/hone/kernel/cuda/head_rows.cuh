// The fused head on a GPU: from a block of logits to the objective and its derivative, in place.
//
// One thread block per row of logits z [rows, ld] (a chunk of rows, the product of hidden states
// and head): log-probability and entropy of the row (head_row.cuh); the objective and its
// derivative by the very functor that the CPU evaluates; then z becomes dL / dz. The two products
// around it are a matrix library's. An objective of sequences or pairs cannot be known from one
// row: score_rows.cuh gives the numbers that it is a function of, gradient_rows.cuh takes its
// derivatives.
#pragma once

#include <cstdint>
#include <type_traits>

#include "hone/core/differentiate.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/reads.hpp"
#include "hone/kernel/cuda/block.cuh"
#include "hone/kernel/cuda/head_row.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

struct HeadRowsArguments {
  float* logits = nullptr;                 // [rows, ld]: in z, out dL / dz
  LogitsShape shape = {};                  // of z
  const std::int32_t* targets = nullptr;   // [rows]
  TokenInputs<const float*> columns = {};  // [rows] each; those that the objective reads
  const float* weights = nullptr;          // [rows]; 0: masked, whatever else stands in the row
  float* logprobs = nullptr;               // [rows] out, or null
  float* entropies = nullptr;              // [rows] out, or null; 0 unless the objective reads it
  float* losses = nullptr;                 // [rows] out, weight * f
};

// gridDim.x = rows; blockDim.x a multiple of 32.
template <class F>
__global__ void head_rows(const F f, const HeadRowsArguments a) {
  static_assert(check_policy<F>());
  static_assert(!reads<F>.full_kl,
                "hone: this kernel has no logits of a reference, so the loss cannot read full_kl: "
                "write kl::K3{} instead of kl::FullVocabulary{}");
  constexpr bool entropy = reads<F>.entropy;
  __shared__ float shared[warp];
  __shared__ float slopes[2];  // by the log-probability, by the entropy
  const auto r = static_cast<std::int64_t>(blockIdx.x);
  float* z = a.logits + r * a.shape.ld;
  const float weight = a.weights[r];
  if (weight == 0.0f) {
    clear_row(z, a.shape.vocab);
    if (threadIdx.x == 0) {
      a.losses[r] = 0.0f;
      if (a.logprobs) a.logprobs[r] = 0.0f;
      if (a.entropies) a.entropies[r] = 0.0f;
    }
    return;
  }
  const LogitsRow row{z, a.shape};
  const RowSummary s = summarise_row<entropy>(row, shared);
  const std::int32_t target = a.targets[r];
  if (threadIdx.x == 0) {
    TokenInputs<float> in;
    in.each([r](float& to, const float* from) { to = from ? from[r] : 0.0f; }, in, a.columns);
    in.logprob = s.logprob(row.capped(target), a.shape.temperature);
    in.entropy = s.entropy;
    const auto d = differentiate(f, in);
    a.losses[r] = weight * d.value;
    slopes[0] = weight * d.slope.logprob;
    slopes[1] = entropy ? weight * d.slope.entropy : 0.0f;
    if (a.logprobs) a.logprobs[r] = in.logprob;
    if (a.entropies) a.entropies[r] = in.entropy;
  }
  __syncthreads();
  differentiate_row<entropy>(row, s, target, slopes[0], slopes[1], z);
}

#if defined(__CUDACC__)
// Enqueues it for `rows` rows.
template <class F>
void launch_head_rows(const F& f, const HeadRowsArguments& a, unsigned rows,
                      cudaStream_t stream = nullptr, unsigned threads = 256) {
  static_assert(check_policy<F>());
  if constexpr (std::is_aggregate_v<F>)
    if (rows > 0) head_rows<F><<<rows, threads, 0, stream>>>(f, a);
}
#endif

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
