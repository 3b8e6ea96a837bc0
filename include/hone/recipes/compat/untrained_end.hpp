// The end-of-sequence token takes part in the advantages but is not trained
//
// DeepSpeed-Chat masks by comparing ids with the pad token. Where that is also the end-of-sequence
// token, as with most tokenizers, an answer's end has mask 0: the score lands on it and GAE runs
// over it, but it gets no policy gradient, and the mean of the loss does not count it. An answer
// that was cut off has no such token, and is trained whole. (There the critic does not learn at
// that token either; here it does.)
#pragma once

#include <cstdint>

#include "hone/advantage/estimate.hpp"
#include "hone/loss/aggregation.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {
namespace compat {

// A of the last token is 0 where an answer ended by itself.
template <class Inner>
struct UntrainedEnd {
  Inner inner = {};

  static constexpr bool needs_values = advantage::needs_values_v<Inner>;
  static constexpr bool needs_groups = advantage::needs_groups_v<Inner>;
  static constexpr bool needs_greedy_baseline = advantage::needs_greedy_baseline_v<Inner>;
  static constexpr bool needs_score_components = advantage::needs_score_components_v<Inner>;

  void operator()(const advantage::Trajectories& in, advantage::Estimate out) const {
    advantage::estimate(inner, in, out);
    for (std::int64_t s = 0; s < in.sequences(); ++s) {
      const auto i = static_cast<std::size_t>(s);
      std::int64_t t = in.offsets[i + 1];
      while (t > in.offsets[i] && !in.sampled(t - 1)) --t;
      if (t > in.offsets[i] && !in.cut_off(s))
        out.advantages[static_cast<std::size_t>(t - 1)] = 0.0f;
    }
  }
  bool operator==(const UntrainedEnd&) const = default;
};

// 1 / (tokens but one for each answer that ended by itself): the mean over trained tokens.
struct MeanWithoutEnds {
  float operator()(const loss::Counts& batch, std::int64_t) const {
    const std::int64_t trained = batch.tokens - (batch.sequences - batch.cut_off);
    return trained > 0 ? static_cast<float>(1.0 / static_cast<double>(trained)) : 0.0f;
  }
  bool operator==(const MeanWithoutEnds&) const = default;
};

}  // namespace compat
}  // namespace recipes
}  // namespace v0
}  // namespace hone
