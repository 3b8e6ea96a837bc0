// The records of the advantage room: what an estimator reads, and what it writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hone/core/config.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

// All sequences of one optimiser batch, end to end. A view: it owns nothing.
//
// Only sampled tokens count (mask 1). A gap, tokens that a tool or the environment wrote, is
// transparent: an estimator sees the sequence without it. Whatever stands at masked tokens, NaN
// included, is never read.
struct Trajectories {
  std::span<const std::int64_t> offsets = {};  // [S + 1] tokens of sequence s: [offsets[s], [s+1])
  std::span<const float> token_rewards = {};   // [T] the score, and the KL penalty if in the reward
  std::span<const float> values = {};          // [T] V before token t; if the policy reads values
  std::span<const std::uint8_t> mask = {};     // [T] 1: sampled; empty: every token was sampled
  std::span<const std::uint8_t> truncated = {};  // [S] 1: cut off, not ended; empty: all ended
  std::span<const float> bootstrap = {};         // [S] V after the last token; 0: a cut is an end.
                                                 //     hone's estimators read it where truncated
  std::span<const std::int32_t> groups = {};     // [S] which prompt; equal numbers, one group
  std::span<const float> scores = {};            // [S] stands in for token_rewards where those are
                                                 //     absent, and for an answer without tokens
  std::span<const float> greedy_scores = {};  // [S] score of the greedy answer to the same prompt
  std::span<const float> score_components = {};  // [S, K] the parts of a score, for gdpo

  std::int64_t sequences() const {
    return offsets.empty() ? 0 : static_cast<std::int64_t>(offsets.size()) - 1;
  }
  std::int64_t tokens() const { return offsets.empty() ? 0 : offsets.back(); }
  bool sampled(std::int64_t t) const { return mask.empty() || mask[static_cast<std::size_t>(t)]; }
  bool cut_off(std::int64_t s) const {
    return !truncated.empty() && truncated[static_cast<std::size_t>(s)];
  }
};

// Where an estimator writes. Masked tokens get 0.
struct Estimate {
  std::span<float> advantages = {};  // [T] A_t
  std::span<float> returns = {};     // [T] R_t, the critic's target; empty: not wanted
};

// One sampled token, for an estimator that is a recursion from the end of the sequence. T is a
// dual<V, 0>, as for a loss: over packs of 16 sequences side by side, floats, doubles (the oracle)
// or traces (what is read).
template <class T>
struct Step {
  T advantage;  // A_t
  T target;     // R_t, the critic's target
};

template <class T>
struct StepInputs {
  T reward;      // r_t
  T value;       // V before the token
  T next_value;  // V before the next sampled token; at the last one 0, or the bootstrap if cut off
  Step<T> next;  // the result for the next sampled token; at the last one {0, next_value}
  T length;      // sampled tokens in the sequence
  T greedy_score;  // of the greedy answer, if the policy needs it
};

// Scores of answers that belong together, in the order of the batch, with their moments. The sums
// do not depend on that order, not in one bit.
class Group;

// One answer, for an estimator that gives all its tokens the same advantage.
struct Sample {
  float score;         // sum of its token rewards
  float length;        // its sampled tokens
  float greedy_score;  // of the greedy answer, if the policy needs it
  std::size_t index;   // its place in the group
  const Group& group;  // the answers to the same prompt, itself included
  const Group& batch;  // all answers of the batch
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
