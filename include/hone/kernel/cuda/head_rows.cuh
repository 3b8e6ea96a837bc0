// The fused head on a GPU: from a block of logits to the objective and its derivative, in place.
//
// One thread block per row of logits z [rows, ld] (a chunk of rows, the product of hidden states
// and head): largest logit, sum of exponentials, log-probability and entropy; the objective and its
// derivative by the very functor that the CPU evaluates; then z becomes dL / dz. The two products
// around it are a matrix library's. Sums run in the block's fixed tree: the same on every launch of
// the same block size, and equal to the CPU's up to rounding.
#pragma once

#include <cstdint>
#include <type_traits>

#include "hone/core/differentiate.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/math.hpp"
#include "hone/core/reads.hpp"
#include "hone/kernel/cuda/block.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

struct HeadRowsArguments {
  float* logits = nullptr;                 // [rows, ld]: in z, out dL / dz
  const std::int32_t* targets = nullptr;   // [rows]
  TokenInputs<const float*> columns = {};  // [rows] each; those that the objective reads
  const float* weights = nullptr;          // [rows]; 0: masked, whatever else stands in the row
  float* logprobs = nullptr;               // [rows] out, or null
  float* entropies = nullptr;              // [rows] out, or null
  float* losses = nullptr;                 // [rows] out, weight * f
  std::int64_t ld = 0;
  std::int32_t vocab = 0;
  float temperature = 1.0f;
  float softcap = 0.0f;  // logits are capped before the temperature; 0: they are not
};

struct RowSummary {
  float max, log_sum, entropy;
};

// Of a row after cap and temperature. Every thread gets the same.
template <bool Entropy>
__device__ RowSummary summarise_row(float* z, const HeadRowsArguments& a, float* shared) {
  const int threads = static_cast<int>(blockDim.x), first = static_cast<int>(threadIdx.x);
  float largest = -__builtin_huge_valf();
  for (int v = first; v < a.vocab; v += threads) {
    if (a.softcap > 0.0f) z[v] = a.softcap * hone::tanh(z[v] / a.softcap);
    largest = z[v] > largest ? z[v] : largest;
  }
  const float top = block_reduce(largest, Larger{}, shared) / a.temperature;
  float sum = 0.0f, weighted = 0.0f;
  for (int v = first; v < a.vocab; v += threads) {
    const float d = z[v] / a.temperature - top;
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
  const auto row = static_cast<std::int64_t>(blockIdx.x);
  float* z = a.logits + row * a.ld;
  const float weight = a.weights[row];
  const int threads = static_cast<int>(blockDim.x), first = static_cast<int>(threadIdx.x);
  if (weight == 0.0f) {
    for (int v = first; v < a.vocab; v += threads) z[v] = 0.0f;
    if (first == 0) {
      a.losses[row] = 0.0f;
      if (a.logprobs) a.logprobs[row] = 0.0f;
      if (a.entropies) a.entropies[row] = 0.0f;
    }
    return;
  }
  const RowSummary s = summarise_row<entropy>(z, a, shared);
  const std::int32_t target = a.targets[row];
  if (first == 0) {
    TokenInputs<float> in;
    in.each([row](float& to, const float* from) { to = from ? from[row] : 0.0f; }, in, a.columns);
    in.logprob = z[target] / a.temperature - s.max - s.log_sum;
    in.entropy = s.entropy;
    const auto d = differentiate(f, in);
    a.losses[row] = weight * d.value;
    slopes[0] = weight * d.slope.logprob;
    slopes[1] = entropy ? weight * d.slope.entropy : 0.0f;
    if (a.logprobs) a.logprobs[row] = in.logprob;
    if (a.entropies) a.entropies[row] = in.entropy;
  }
  __syncthreads();
  const float by_logprob = slopes[0], by_entropy = slopes[1];
  for (int v = first; v < a.vocab; v += threads) {
    const float logp = z[v] / a.temperature - s.max - s.log_sum;
    const float p = hone::exp(logp);
    float d = by_logprob * ((v == target ? 1.0f : 0.0f) - p);
    if constexpr (entropy)
      if (p > 0.0f) d = fmaf(-by_entropy * p, logp + s.entropy, d);
    d /= a.temperature;
    if (a.softcap > 0.0f) {
      const float c = z[v] / a.softcap;
      d *= 1.0f - c * c;
    }
    z[v] = d;
  }
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
