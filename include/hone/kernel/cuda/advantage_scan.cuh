// Advantages that are a recursion from the end of a sequence (GAE and kin), one thread per
// sequence.
//
// The policy is the CPU's step policy. Masked tokens are passed over and get 0.
#pragma once

#include <cstdint>

#include "hone/advantage/policy.hpp"
#include "hone/advantage/trajectory.hpp"
#include "hone/core/config.hpp"
#include "hone/core/dual.hpp"
#include "hone/kernel/cuda/block.cuh"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace cuda {

struct ScanArguments {
  const std::int64_t* offsets = nullptr;    // [S + 1]
  const float* rewards = nullptr;           // [T]
  const float* values = nullptr;            // [T], or null
  const std::uint8_t* mask = nullptr;       // [T], or null: all sampled
  const std::uint8_t* truncated = nullptr;  // [S], or null: all ended
  const float* bootstrap = nullptr;         // [S] read where truncated
  const float* greedy_scores = nullptr;     // [S] if the policy needs them (ReMax)
  float* advantages = nullptr;              // [T]
  float* returns = nullptr;                 // [T], or null
  std::int64_t sequences = 0;
};

// gridDim.x * blockDim.x >= sequences.
template <class Policy>
__global__ void advantage_scan(const Policy policy, const ScanArguments a) {
  static_assert(check_policy<Policy>());
  static_assert(
      advantage::kind_of<Policy> == advantage::Kind::step,
      "hone: this kernel runs from the end of each sequence: write a struct with `template "
      "<class T> constexpr T operator()(const advantage::StepInputs<T>& t) const`; what "
      "compares answers goes into group_advantages");
  const auto s = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (s >= a.sequences) return;
  const std::int64_t begin = a.offsets[s], end = a.offsets[s + 1];
  float length = 0.0f;
  for (std::int64_t t = begin; t < end; ++t) length += !a.mask || a.mask[t] ? 1.0f : 0.0f;
  // dual<float, 0> multiplies and adds as the CPU does, never fused.
  using T = dual<float, 0>;
  // A policy that reads no values sees none, whatever was given.
  const float* values = advantage::needs_values_v<Policy> ? a.values : nullptr;
  const float last = values && a.truncated && a.truncated[s] ? a.bootstrap[s] : 0.0f;
  advantage::StepInputs<T> in{};
  in.next_value = T(last);
  in.next = {T(0.0f), T(last)};
  in.length = T(length);
  if constexpr (advantage::needs_greedy_baseline_v<Policy>) in.greedy_score = T(a.greedy_scores[s]);
  for (std::int64_t t = end; t-- > begin;) {
    if (a.mask && !a.mask[t]) {
      a.advantages[t] = 0.0f;
      if (a.returns) a.returns[t] = 0.0f;
      continue;
    }
    in.reward = T(a.rewards[t]);
    in.value = T(values ? values[t] : 0.0f);
    in.next = advantage::apply_step<T>(policy, in);
    in.next_value = in.value;
    a.advantages[t] = in.next.advantage.value;
    if (a.returns) a.returns[t] = in.next.target.value;
  }
}

}  // namespace cuda
}  // namespace kernel
}  // namespace v0
}  // namespace hone
