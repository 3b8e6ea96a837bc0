// Scores brought into a range, or to a running mean of 0 and a running deviation of 1. The scores
// are those of any reward of completions or, in a train::MixedReward, of a network.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/reward/function.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

// R'(y) = min(max(R(y), low), high).
template <class R>
struct Clip {
  R reward = {};
  float low = -5.0f, high = 5.0f;

  using State = detail::state_t<R>;

  template <class Judged>
  std::vector<float> operator()(const Judged& batch, State& state) const {
    require(low <= high, "reward::Clip: low is ", low, ", expected at most high, ", high);
    std::vector<float> scores = evaluate(reward, batch, state);
    for (float& s : scores) s = std::clamp(s, low, high);
    return scores;
  }
};

// Count, mean and sum of squared distances from the mean of all scores so far.
struct Moments {
  double count = 0, mean = 0, squares = 0;

  // Welford's update, in the order of size, so that a permuted batch gives the same bits.
  void add(std::vector<float> scores) {
    std::sort(scores.begin(), scores.end());
    for (const float s : scores) {
      count += 1;
      const double distance = s - mean;
      mean += distance / count;
      squares = std::fma(distance, s - mean, squares);
    }
  }
  double variance(int ddof) const {
    return count > ddof ? std::max(squares, 0.0) / (count - ddof) : 0.0;
  }

  template <class Visit>
  void each(Visit&& visit) {
    visit(count);
    visit(mean);
    visit(squares);
  }
  bool operator==(const Moments&) const = default;
};

// R'(y) = (R(y) - mean) / sqrt(variance + epsilon), the moments taken over all scores up to and
// with this batch. The first score ever becomes 0.
template <class R>
struct RunningNorm {
  R reward = {};
  bool center = true;  // false leaves the mean where it is
  int ddof = 1;        // 1: the variance's unbiased estimate
  double epsilon = 1e-8;

  struct State {
    Moments moments = {};
    detail::state_t<R> inner = {};
    template <class Visit>
    void each(Visit&& visit) {
      moments.each(visit);
      inner.each(visit);
    }
    bool operator==(const State&) const = default;
  };

  template <class Judged>
  std::vector<float> operator()(const Judged& batch, State& state) const {
    std::vector<float> scores = evaluate(reward, batch, state.inner);
    state.moments.add(scores);
    const double shift = center ? state.moments.mean : 0.0;
    const double scale = std::sqrt(state.moments.variance(ddof) + epsilon);
    for (float& s : scores) s = static_cast<float>((s - shift) / scale);
    return scores;
  }
};

}  // namespace reward
}  // namespace v0
}  // namespace hone
