// A = standard score over the batch of   sum_k w_k (r_k - mean_g r_k) / (std_g r_k + epsilon)
//
// GDPO: Liu et al.: "GDPO: group reward-decoupled normalization policy optimization for
// multi-reward RL optimization", 2026. Each part of a reward is normalised within its group before
// they are added, so parts of different size keep their say. Needs Trajectories::score_components,
// which a trainer fills from a reward that says its parts (reward::Sum).
// TRL calls it `normalize_then_sum` (both epsilons 1e-4).
#pragma once

#include <cstdint>
#include <vector>

#include "hone/advantage/estimate.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/moments.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

struct Gdpo {
  std::vector<float> weights = {};  // [K]; empty: all 1
  int ddof = 1;
  float epsilon = 1e-6f;            // added to the deviation of a part in its group
  float whitening_epsilon = 1e-6f;  // added to the deviation over the batch

  static constexpr bool needs_values = false;
  static constexpr bool needs_groups = true;
  static constexpr bool needs_score_components = true;

  void operator()(const Trajectories& in, Estimate out) const {
    const auto S = static_cast<std::size_t>(in.sequences());
    if (S == 0) return;
    const std::size_t K = in.score_components.size() / S;
    require(K > 0 && in.score_components.size() == S * K, "advantage: score_components has ",
            in.score_components.size(), " entries, expected a multiple of ", S, ", the sequences");
    require(weights.empty() || weights.size() == K, "advantage: Gdpo has ", weights.size(),
            " weights, expected ", K);
    std::vector<float> part(S), lengths(S, 0.0f);
    std::vector<double> sum(S, 0.0);
    for (std::size_t k = 0; k < K; ++k) {
      for (std::size_t s = 0; s < S; ++s) part[s] = in.score_components[s * K + k];
      const std::vector<float> score = detail::sample_advantages(
          GroupRelative{.ddof = ddof, .epsilon = epsilon}, in, part, lengths);
      for (std::size_t s = 0; s < S; ++s)
        sum[s] = std::fma(weights.empty() ? 1.0 : weights[k], score[s], sum[s]);
    }
    const Moments m = moments(static_cast<std::int64_t>(S),
                              [&](std::int64_t i) { return sum[static_cast<std::size_t>(i)]; });
    const double divisor = m.squares > 0 ? m.deviation(ddof) + whitening_epsilon : 1.0;
    for (std::size_t s = 0; s < S; ++s) part[s] = static_cast<float>((sum[s] - m.mean) / divisor);
    detail::spread_over_tokens(in, part, out.advantages);
    if (!out.returns.empty()) detail::spread_over_tokens(in, lengths, out.returns);
  }
  bool operator==(const Gdpo&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
