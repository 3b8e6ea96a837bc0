// Sums and maxima over the threads of a block, in one fixed tree: warp by warp through registers,
// then over the warps through shared memory. A block has a multiple of 32 threads, at most 1024.
#pragma once

#include <cstdint>
#include <type_traits>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

// A kernel can take this policy: nvcc refuses closure types as template arguments of kernels. The
// launchers ask before they name the kernel, so that this sentence is the first.
template <class F>
constexpr bool check_policy() {
  static_assert(std::is_aggregate_v<F>,
                "hone: a CUDA kernel cannot take a lambda: write the formula as a struct, `struct "
                "MyLoss { template <class T> constexpr T operator()(const TokenInputs<T>& t) const "
                "{ ... } };`, which serves the CPU as well");
  return true;
}

inline constexpr int warp = 32;
inline constexpr unsigned full_warp = 0xffffffffu;

struct Plus {
  template <class T>
  HONE_HD T operator()(T a, T b) const {
    return a + b;
  }
};

struct Larger {
  template <class T>
  HONE_HD T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

// The same result in every thread. `shared` has room for blockDim.x / 32 values and may be used
// again when the call returns.
template <class T, class Op>
__device__ T block_reduce(T x, const Op& op, T* shared) {
  for (int distance = warp / 2; distance > 0; distance /= 2)
    x = op(x, __shfl_xor_sync(full_warp, x, distance));
  const int lane = static_cast<int>(threadIdx.x) % warp,
            which = static_cast<int>(threadIdx.x) / warp;
  const int warps = static_cast<int>(blockDim.x) / warp;
  if (lane == 0) shared[which] = x;
  __syncthreads();
  T out = shared[0];
  for (int w = 1; w < warps; ++w) out = op(out, shared[w]);
  __syncthreads();
  return out;
}

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
