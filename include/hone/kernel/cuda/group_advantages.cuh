// Advantages that compare the answers to one prompt (GRPO, RLOO and kin) on a GPU.
//
//   answer_totals       a thread per answer: its score and length, from token rewards and mask
//   score_moments       one block: the moments of all scores
//   group_advantages    a block per group: the policy, which is the CPU's, for each answer
//   spread_advantages   a thread per answer: the same number for each of its sampled tokens
//
// The statistics are advantage/group.hpp's own, their sums free of order: the same bits as the
// CPU's, whatever the number of threads. A policy of one's own is a struct whose operator is marked
// HONE_HD.
#pragma once

#include <cstdint>
#include <span>

#include "hone/advantage/group.hpp"
#include "hone/advantage/moments.hpp"
#include "hone/advantage/policy.hpp"
#include "hone/core/config.hpp"
#include "hone/kernel/cuda/block.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

struct GroupArguments {
  const std::int64_t* groups = nullptr;  // [G + 1] group g: the answers [groups[g], groups[g + 1])
  const float* scores = nullptr;         // [S]
  const float* lengths = nullptr;        // [S] sampled tokens
  const float* greedy_scores = nullptr;  // [S], or null
  const Moments* batch = nullptr;        // [1] of all scores
  float* advantages = nullptr;           // [S] out
  std::int64_t answers = 0;              // S
};

// The threads of a block, as those who share numbers among them.
struct BlockTeam {
  double* shared;  // [warp]

  __device__ std::int64_t first() const { return threadIdx.x; }
  __device__ std::int64_t step() const { return blockDim.x; }
  __device__ double least(double x) const { return -block_reduce(-x, Larger{}, shared); }
  __device__ double greatest(double x) const { return block_reduce(x, Larger{}, shared); }
  template <class Sum>
  __device__ Sum total(const Sum& sum) const {
    const double high = block_reduce(sum.high(), Plus{}, shared);
    return Sum::of(high, block_reduce(sum.low(), Plus{}, shared));
  }
};

__device__ inline Moments moments_of_scores(std::span<const float> scores, double* shared) {
  const auto at = [&](std::int64_t i) {
    return static_cast<double>(scores[static_cast<std::size_t>(i)]);
  };
  return advantage::moments(static_cast<std::int64_t>(scores.size()), at, BlockTeam{shared});
}

struct AnswerArguments {
  const std::int64_t* offsets = nullptr;  // [S + 1] tokens of answer s
  const std::uint8_t* mask = nullptr;     // [T], or null: all sampled
  const float* rewards = nullptr;         // [T] token rewards
  const float* fallback = nullptr;        // [S] the score of an answer without tokens; null: 0
  float* scores = nullptr;                // [S] out
  float* lengths = nullptr;               // [S] out
  std::int64_t answers = 0;
};

// gridDim.x * blockDim.x >= answers.
template <int = 0>
__global__ void answer_totals(const AnswerArguments a) {
  const auto s = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (s >= a.answers) return;
  double sum = 0;
  std::int64_t sampled = 0;
  for (std::int64_t t = a.offsets[s]; t < a.offsets[s + 1]; ++t) {
    if (a.mask && !a.mask[t]) continue;
    ++sampled;
    sum += static_cast<double>(a.rewards[t]);
  }
  a.lengths[s] = static_cast<float>(sampled);
  a.scores[s] = sampled > 0 ? static_cast<float>(sum) : a.fallback ? a.fallback[s] : 0.0f;
}

// gridDim.x = 1; blockDim.x a multiple of 32.
template <int = 0>
__global__ void score_moments(const float* scores, std::int64_t answers, Moments* out) {
  __shared__ double shared[warp];
  const Moments m = moments_of_scores({scores, static_cast<std::size_t>(answers)}, shared);
  if (threadIdx.x == 0) *out = m;
}

// gridDim.x = groups; blockDim.x a multiple of 32.
template <class Policy>
__global__ void group_advantages(const Policy policy, const GroupArguments a) {
  static_assert(check_policy<Policy>());
  static_assert(advantage::kind_of<Policy> == advantage::Kind::sample,
                "hone: this kernel compares the answers to a prompt: write a struct with `HONE_HD "
                "float operator()(const advantage::Sample& s) const`; a recursion over tokens goes "
                "into advantage_scan");
  __shared__ double shared[warp];
  const std::int64_t begin = a.groups[blockIdx.x], end = a.groups[blockIdx.x + 1];
  const auto size = static_cast<std::size_t>(end - begin);
  const std::span<const float> scores(a.scores + begin, size), lengths(a.lengths + begin, size);
  const advantage::Group group(scores, lengths, moments_of_scores(scores, shared));
  const auto all = static_cast<std::size_t>(a.answers);
  const advantage::Group batch({a.scores, all}, {a.lengths, all}, *a.batch);
  for (std::size_t i = threadIdx.x; i < size; i += blockDim.x)
    a.advantages[begin + static_cast<std::int64_t>(i)] = policy(advantage::Sample{
        .score = scores[i],
        .length = lengths[i],
        .greedy_score =
            a.greedy_scores ? a.greedy_scores[begin + static_cast<std::int64_t>(i)] : 0.0f,
        .index = i,
        .group = group,
        .batch = batch});
}

struct SpreadArguments {
  const std::int64_t* offsets = nullptr;  // [S + 1]
  const std::uint8_t* mask = nullptr;     // [T], or null
  const float* of_answers = nullptr;      // [S]
  float* of_tokens = nullptr;             // [T] out; 0 where nothing was sampled
  std::int64_t answers = 0;
};

// gridDim.x * blockDim.x >= answers.
template <int = 0>
__global__ void spread_advantages(const SpreadArguments a) {
  const auto s = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (s >= a.answers) return;
  for (std::int64_t t = a.offsets[s]; t < a.offsets[s + 1]; ++t)
    a.of_tokens[t] = !a.mask || a.mask[t] ? a.of_answers[s] : 0.0f;
}

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
