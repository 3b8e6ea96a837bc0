// A_t = delta_t + gamma lambda A_{t+1} over every token, with V = 0 and r = 0 at masked ones
//
// OpenRLHF's GAE (`compute_advantages_and_returns` on values times the mask): in a gap the value is
// 0 and lambda decays, one factor per masked token, so a long tool output cuts the credit of what
// came before it. hone's own Gae is transparent to gaps.
#pragma once

#include <cmath>
#include <cstdint>

#include "hone/advantage/trajectory.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {

struct GaeThroughGaps {
  float gamma = 1.0f;
  float lambda = 1.0f;

  static constexpr bool needs_values = true;

  void operator()(const advantage::Trajectories& in, advantage::Estimate out) const {
    for (std::int64_t s = 0; s < in.sequences(); ++s) {
      const auto i = static_cast<std::size_t>(s);
      double next_value = in.cut_off(s) ? in.bootstrap[i] : 0.0, next_advantage = 0;
      for (std::int64_t t = in.offsets[i + 1]; t-- > in.offsets[i];) {
        const auto k = static_cast<std::size_t>(t);
        const bool sampled = in.sampled(t);
        const double value = sampled ? in.values[k] : 0.0,
                     reward = sampled ? in.token_rewards[k] : 0.0;
        const double delta = std::fma(gamma, next_value, reward - value);
        next_advantage = std::fma(static_cast<double>(gamma) * lambda, next_advantage, delta);
        next_value = value;
        out.advantages[k] = sampled ? static_cast<float>(next_advantage) : 0.0f;
        if (!out.returns.empty())
          out.returns[k] = sampled ? static_cast<float>(next_advantage + value) : 0.0f;
      }
    }
  }
  bool operator==(const GaeThroughGaps&) const = default;
};

}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
