// A small CUDA on the CPU: a kernel's own source runs with its thread blocks as threads.
//
// The threads of a block are threads of this process; __syncthreads() and the shuffles are real
// barriers, so ThreadSanitizer sees a barrier that is missing. Blocks run one after the other,
// which is why shared memory can be a static variable.
#pragma once

#include <barrier>
#include <cmath>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#define __global__
#define __device__
#define __shared__ static

namespace hone_shim {

struct Index {
  unsigned x = 0;
};

struct Block {
  explicit Block(unsigned threads) : all(threads), exchange(threads) {
    for (unsigned w = 0; w < threads; w += 32)
      warps.push_back(std::make_unique<std::barrier<>>(32));
  }
  std::barrier<> all;
  std::vector<std::unique_ptr<std::barrier<>>> warps;
  std::vector<double> exchange;
};

inline thread_local Block* block = nullptr;

// Runs kernel(arguments...) as kernel<<<grid, threads>>>(arguments...) would.
template <class Kernel, class... Arguments>
void launch(unsigned grid, unsigned threads, const Kernel& kernel, const Arguments&... arguments);

}  // namespace hone_shim

inline thread_local hone_shim::Index threadIdx, blockIdx, blockDim, gridDim;

inline void __syncthreads() { hone_shim::block->all.arrive_and_wait(); }

template <class T>
T __shfl_xor_sync(unsigned, T x, int distance) {
  hone_shim::Block& b = *hone_shim::block;
  std::barrier<>& warp = *b.warps[threadIdx.x / 32];
  std::memcpy(&b.exchange[threadIdx.x], &x, sizeof(T));
  warp.arrive_and_wait();
  T other;
  std::memcpy(&other, &b.exchange[threadIdx.x ^ static_cast<unsigned>(distance)], sizeof(T));
  warp.arrive_and_wait();
  return other;
}

template <class Kernel, class... Arguments>
void hone_shim::launch(unsigned grid, unsigned threads, const Kernel& kernel,
                       const Arguments&... arguments) {
  for (unsigned b = 0; b < grid; ++b) {
    Block shared(threads);
    std::vector<std::thread> pool;
    for (unsigned t = 0; t < threads; ++t)
      pool.emplace_back([&, t] {
        block = &shared;
        threadIdx.x = t;
        blockIdx.x = b;
        blockDim.x = threads;
        gridDim.x = grid;
        kernel(arguments...);
      });
    for (std::thread& thread : pool) thread.join();
  }
}
