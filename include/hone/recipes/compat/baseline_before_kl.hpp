// A_t = clip(a, -limit, limit) + sum_{k >= t} (r_k - score at the end)
//   a = inner(scores of the group)
//
// OpenRLHF (`compute_advantages_and_returns`): the group's baseline is taken from the scores alone,
// the result is limited and set on the last token, the KL penalty is added token by token, and the
// advantage is the return-to-go. hone's own group advantages see one number per answer, the sum of
// its token rewards, so there a penalty is part of the baseline and the same for every token.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "hone/advantage/estimate.hpp"
#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {

// Trajectories::scores are read beside token_rewards, which hold them on the last sampled tokens.
template <class Inner>
struct BaselineBeforeKl {
  static_assert(advantage::kind_of<Inner> == advantage::Kind::sample,
                "hone: BaselineBeforeKl takes an advantage of whole answers: write .inner = "
                "advantage::LeaveOneOut{} or advantage::GroupRelative{}");

  Inner inner = {};
  float score_limit = unlimited;

  static constexpr bool needs_values = advantage::needs_values_v<Inner>;
  static constexpr bool needs_groups = advantage::needs_groups_v<Inner>;
  static constexpr bool needs_greedy_baseline = advantage::needs_greedy_baseline_v<Inner>;

  void operator()(const advantage::Trajectories& in, advantage::Estimate out) const {
    require(static_cast<std::int64_t>(in.scores.size()) == in.sequences(),
            "BaselineBeforeKl: scores has ", in.scores.size(), " entries, expected ",
            in.sequences());
    advantage::Trajectories scores_alone = in;
    scores_alone.token_rewards = {};
    std::vector<float> of_scores(static_cast<std::size_t>(in.tokens()));
    advantage::estimate(inner, scores_alone, {.advantages = of_scores});
    for (std::int64_t s = 0; s < in.sequences(); ++s) {
      const auto i = static_cast<std::size_t>(s);
      double to_go = 0;
      bool last = true;
      for (std::int64_t t = in.offsets[i + 1]; t-- > in.offsets[i];) {
        const auto k = static_cast<std::size_t>(t);
        const bool sampled = in.sampled(t);
        if (sampled) {
          if (last)
            to_go = static_cast<double>(std::clamp(of_scores[k], -score_limit, score_limit)) -
                    static_cast<double>(in.scores[i]);
          last = false;
          to_go += in.token_rewards[k];
        }
        out.advantages[k] = sampled ? static_cast<float>(to_go) : 0.0f;
        if (!out.returns.empty()) out.returns[k] = out.advantages[k];
      }
    }
  }
  bool operator==(const BaselineBeforeKl&) const = default;
};

}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
