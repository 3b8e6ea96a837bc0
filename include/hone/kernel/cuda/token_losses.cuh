// A token objective over a batch on a GPU: loss and derivatives, one thread per token.
//
// The functor is the CPU's. Each block writes the sum of its tokens' losses, in a fixed tree, so a
// loss does not change from launch to launch; add the partial sums on the host.
#pragma once

#include <cstdint>
#include <type_traits>

#include "hone/core/differentiate.hpp"
#include "hone/core/inputs.hpp"
#include "hone/kernel/cuda/block.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

struct TokenLossArguments {
  TokenInputs<const float*> columns = {};  // [n] each; those that the objective reads
  const float* weights = nullptr;          // [n]; 0: masked, whatever else stands there
  float* d_logprob = nullptr;              // [n] weight * df / dlogprob
  float* d_entropy = nullptr;              // [n], or null
  float* partial_sums = nullptr;           // [gridDim.x]
  std::int64_t n = 0;
};

// gridDim.x * blockDim.x >= n; blockDim.x a multiple of 32.
template <class F>
__global__ void token_losses(const F f, const TokenLossArguments a) {
  static_assert(check_policy<F>());
  __shared__ float shared[warp];
  const auto t = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  float loss = 0.0f;
  if (t < a.n) {
    const float weight = a.weights[t];
    float by_logprob = 0.0f, by_entropy = 0.0f;
    if (weight != 0.0f) {
      TokenInputs<float> in;
      in.each([t](float& to, const float* from) { to = from ? from[t] : 0.0f; }, in, a.columns);
      const auto d = differentiate(f, in);
      loss = weight * d.value;
      by_logprob = weight * d.slope.logprob;
      by_entropy = weight * d.slope.entropy;
    }
    a.d_logprob[t] = by_logprob;
    if (a.d_entropy) a.d_entropy[t] = by_entropy;
  }
  loss = block_reduce(loss, Plus{}, shared);
  if (threadIdx.x == 0) a.partial_sums[blockIdx.x] = loss;
}

#if defined(__CUDACC__)
// Enqueues it; partial_sums has an entry for each block of `threads` tokens.
template <class F>
void launch_token_losses(const F& f, const TokenLossArguments& a, cudaStream_t stream = nullptr,
                         unsigned threads = 256) {
  static_assert(check_policy<F>());
  const auto blocks = static_cast<unsigned>((a.n + threads - 1) / threads);
  if constexpr (std::is_aggregate_v<F>)
    if (blocks > 0) token_losses<F><<<blocks, threads, 0, stream>>>(f, a);
}
#endif

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
