// GAE over one step more than an answer has tokens: the score stands after its end
//
//   after the end   A = score - V_after
//   last token      A = r + gamma V_after - V + gamma lambda (score - V_after),   r without the
//   score
//
// DeepSpeed-Chat where pad is not the end-of-sequence token (`compute_rewards`) and TRL's PPO put
// the score one position past the last sampled token, onto padding, where the critic has a value as
// well. hone's own Gae has the score on the last token, and no value after it. An answer that was
// cut off fills its row, so in both systems too its score is on its last token.
//
// What their padding does besides is not reproduced: an answer that ended and is the longest of its
// batch fills its row as well; DeepSpeed-Chat charges the padding token the KL penalty; TRL's
// critic learns V_after (from the score), which DeepSpeed-Chat's and hone's do not.
#pragma once

#include <cstdint>
#include <vector>

#include "hone/advantage/estimate.hpp"
#include "hone/advantage/gae.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {

// Trajectories::scores are read beside token_rewards, which hold them on the last sampled tokens;
// Trajectories::bootstrap is V_after.
struct ScoreAfterEnd {
  float gamma = 1.0f;
  float lambda = 0.95f;

  static constexpr bool needs_values = true;

  void operator()(const advantage::Trajectories& in, advantage::Estimate out) const {
    const auto require_answers = [&](const char* name, std::size_t found) {
      require(static_cast<std::int64_t>(found) == in.sequences(), "ScoreAfterEnd: ", name, " has ",
              found, " entries, expected ", in.sequences());
    };
    require_answers("scores", in.scores.size());
    require_answers("bootstrap", in.bootstrap.size());
    // What the last token sees of the step after it, as a part of its reward.
    std::vector<float> rewards(in.token_rewards.begin(), in.token_rewards.end());
    for (std::int64_t s = 0; s < in.sequences(); ++s) {
      const auto i = static_cast<std::size_t>(s);
      std::int64_t end = in.offsets[i + 1];
      while (end > in.offsets[i] && !in.sampled(end - 1)) --end;
      if (end == in.offsets[i] || in.cut_off(s)) continue;
      float& last = rewards[static_cast<std::size_t>(end - 1)];
      const double score = in.scores[i], after = in.bootstrap[i];
      last = static_cast<float>(last - score + gamma * (after + lambda * (score - after)));
    }
    advantage::Trajectories seen = in;
    seen.token_rewards = rewards;
    advantage::estimate(advantage::Gae{gamma, lambda}, seen, out);
  }
  bool operator==(const ScoreAfterEnd&) const = default;
};

}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
