// A <- (A - mean(A)) / sqrt(var(A) + epsilon) over the sampled tokens of the whole batch
//
// A wrapper for any policy: Whitened{.inner = Gae{}}. Masked tokens take no part. The critic's
// targets are those of the inner policy. Fewer than two tokens, or advantages that are all equal,
// give 0 (with keep_mean: the mean).
//
// Systems differ, each by a member: TRL's PPO and verl ddof 1 and epsilon 1e-8 inside the square
// root; OpenRLHF ddof 0 and variance_floor 1e-8; TRL's RLOO per answer with deviation_epsilon 1e-4.
#pragma once

#include <cstdint>
#include <vector>

#include "hone/advantage/estimate.hpp"
#include "hone/advantage/moments.hpp"
#include "hone/core/whitening.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

// What counts once in the mean: every token, or every answer that has a token (its first one).
enum class Unit { token, answer };

template <class Inner>
struct Whitened {
  Inner inner = {};
  int ddof = 1;
  float epsilon = 1e-8f;           // added to the variance
  float variance_floor = 0.0f;     // the variance is at least this
  float deviation_epsilon = 0.0f;  // added to the deviation
  bool keep_mean = false;          // divide only: the mean is put back
  bool scale = true;               // false: subtract the mean only
  Unit unit = Unit::token;

  static constexpr bool needs_values = needs_values_v<Inner>;
  static constexpr bool needs_groups = needs_groups_v<Inner>;
  static constexpr bool needs_greedy_baseline = needs_greedy_baseline_v<Inner>;
  static constexpr bool needs_score_components = needs_score_components_v<Inner>;

  void operator()(const Trajectories& in, Estimate out) const {
    estimate(inner, in, out);
    std::vector<float> kept;
    kept.reserve(static_cast<std::size_t>(unit == Unit::token ? in.tokens() : in.sequences()));
    for (std::int64_t s = 0; s < in.sequences(); ++s)
      for (std::int64_t t = in.offsets[static_cast<std::size_t>(s)];
           t < in.offsets[static_cast<std::size_t>(s) + 1]; ++t) {
        if (!in.sampled(t)) continue;
        kept.push_back(out.advantages[static_cast<std::size_t>(t)]);
        if (unit == Unit::answer) break;
      }
    const Moments m = moments(static_cast<std::int64_t>(kept.size()), [&](std::int64_t i) {
      return static_cast<double>(kept[static_cast<std::size_t>(i)]);
    });
    const Whitening whitening{.ddof = ddof,
                              .epsilon = epsilon,
                              .variance_floor = variance_floor,
                              .deviation_epsilon = deviation_epsilon,
                              .keep_mean = keep_mean,
                              .scale = scale};
    const Whitening::Line line = whitening.line(m);
    for (std::int64_t t = 0; t < in.tokens(); ++t)
      if (in.sampled(t)) {
        float& a = out.advantages[static_cast<std::size_t>(t)];
        a = line(a);
      }
  }
  bool operator==(const Whitened&) const = default;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
