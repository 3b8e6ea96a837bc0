// estimate(policy, trajectories, out): the one entry point of the advantage room.
//
//   advantage::estimate(advantage::Gae{.lambda = 0.95f}, trajectories, {advantages, returns});
//
// Advantages are numbers, no gradient flows through them. Masked tokens get 0. Everything is a
// function of the whole batch: give it the answers of all processes where a policy has statistics
// of the batch (Whitened, Scale::batch).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "hone/advantage/group.hpp"
#include "hone/advantage/policy.hpp"
#include "hone/advantage/scan.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {
namespace detail {

inline void require_size(const char* name, std::size_t found, std::int64_t expected) {
  require(static_cast<std::int64_t>(found) == expected, "advantage: ", name, " has ", found,
          " entries, expected ", expected);
}

template <class P>
void check(const Trajectories& in, const Estimate& out) {
  const std::int64_t S = in.sequences(), T = in.tokens();
  for (std::int64_t s = 0; s < S; ++s)
    require(in.offsets[static_cast<std::size_t>(s)] <= in.offsets[static_cast<std::size_t>(s) + 1],
            "advantage: offsets[", s + 1, "] is ", in.offsets[static_cast<std::size_t>(s) + 1],
            ", expected at least offsets[", s, "]");
  require(S == 0 || in.offsets[0] == 0, "advantage: offsets[0] is ", S ? in.offsets[0] : 0,
          ", expected 0");
  require_size("advantages", out.advantages.size(), T);
  if (!out.returns.empty()) require_size("returns", out.returns.size(), T);
  if (!in.token_rewards.empty()) require_size("token_rewards", in.token_rewards.size(), T);
  if (!in.scores.empty() || (in.token_rewards.empty() && T > 0))
    require_size("scores", in.scores.size(), S);
  if (!in.mask.empty()) require_size("mask", in.mask.size(), T);
  if (!in.truncated.empty()) require_size("truncated", in.truncated.size(), S);
  if constexpr (needs_values_v<P>) {
    require_size("values", in.values.size(), T);
    if (!in.truncated.empty()) require_size("bootstrap", in.bootstrap.size(), S);
  }
  if constexpr (needs_groups_v<P>) require_size("groups", in.groups.size(), S);
  if constexpr (needs_greedy_baseline_v<P>)
    require_size("greedy_scores", in.greedy_scores.size(), S);
}

// Sum of the token rewards of a sequence; the score where there are none, or no token.
inline void sequence_scores(const Trajectories& in, std::vector<float>& scores,
                            std::vector<float>& lengths) {
  for (std::int64_t s = 0; s < in.sequences(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    double sum = 0;
    std::int64_t sampled = 0;
    for (std::int64_t t = in.offsets[i]; t < in.offsets[i + 1]; ++t) {
      if (!in.sampled(t)) continue;
      ++sampled;
      if (!in.token_rewards.empty()) sum += in.token_rewards[static_cast<std::size_t>(t)];
    }
    lengths[i] = static_cast<float>(sampled);
    if (!in.token_rewards.empty() && sampled > 0)
      scores[i] = static_cast<float>(sum);
    else
      scores[i] = in.scores.empty() ? 0.0f : in.scores[i];
    require(std::isfinite(scores[i]), "advantage: the score of sequence ", s, " is ", scores[i],
            ", expected a finite number");
  }
}

// Token rewards that hold the score on the last sampled token.
inline std::vector<float> place_scores(const Trajectories& in) {
  std::vector<float> rewards(static_cast<std::size_t>(in.tokens()), 0.0f);
  for (std::int64_t s = 0; s < in.sequences(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    std::int64_t t = in.offsets[i + 1];
    while (t > in.offsets[i] && !in.sampled(t - 1)) --t;
    if (t > in.offsets[i]) rewards[static_cast<std::size_t>(t - 1)] = in.scores[i];
  }
  return rewards;
}

// [S] what the policy gives each answer; scores and lengths are those of the answers, [S].
template <class P>
std::vector<float> sample_advantages(const P& policy, const Trajectories& in,
                                     std::span<const float> scores,
                                     std::span<const float> lengths) {
  const auto S = static_cast<std::size_t>(in.sequences());
  const Group batch(scores, lengths);
  std::vector<std::size_t> order(S);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto group_of = [&](std::size_t s) { return in.groups.empty() ? 0 : in.groups[s]; };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return group_of(a) != group_of(b) ? group_of(a) < group_of(b) : a < b;
  });
  std::vector<float> advantages(S), group_scores, group_lengths;
  for (std::size_t begin = 0, end = 0; begin < S; begin = end) {
    group_scores.clear();
    group_lengths.clear();
    for (; end < S && group_of(order[end]) == group_of(order[begin]); ++end) {
      group_scores.push_back(scores[order[end]]);
      group_lengths.push_back(lengths[order[end]]);
    }
    const Group group(group_scores, group_lengths);
    for (std::size_t k = begin; k < end; ++k) {
      const std::size_t s = order[k];
      advantages[s] = static_cast<float>(
          policy(Sample{.score = scores[s],
                        .length = lengths[s],
                        .greedy_score = needs_greedy_baseline_v<P> ? in.greedy_scores[s] : 0.0f,
                        .index = k - begin,
                        .group = group,
                        .batch = batch}));
    }
  }
  return advantages;
}

// The same number for every sampled token of an answer; the others get 0.
inline void spread_over_tokens(const Trajectories& in, std::span<const float> of_answers,
                               std::span<float> of_tokens) {
  for (std::size_t s = 0; s < of_answers.size(); ++s)
    for (std::int64_t t = in.offsets[s]; t < in.offsets[s + 1]; ++t)
      of_tokens[static_cast<std::size_t>(t)] = in.sampled(t) ? of_answers[s] : 0.0f;
}

template <class P>
void per_sample(const P& policy, const Trajectories& in, const Estimate& out) {
  const auto S = static_cast<std::size_t>(in.sequences());
  std::vector<float> scores(S), lengths(S);
  sequence_scores(in, scores, lengths);
  spread_over_tokens(in, sample_advantages(policy, in, scores, lengths), out.advantages);
  if (!out.returns.empty()) spread_over_tokens(in, scores, out.returns);
}

}  // namespace detail

// Fills out.advantages, and out.returns unless it is empty. Throws Error if a size does not fit, a
// score is not finite or an advantage would not be.
template <class P>
void estimate(const P& policy, const Trajectories& in, const Estimate& out) {
  static_assert(check_policy<P>());
  detail::check<P>(in, out);
  if constexpr (kind_of<P> == Kind::sample) {
    detail::per_sample(policy, in, out);
  } else {
    Trajectories with_rewards = in;
    std::vector<float> rewards;
    if (in.token_rewards.empty()) with_rewards.token_rewards = rewards = detail::place_scores(in);
    if constexpr (kind_of<P> == Kind::step)
      detail::scan(policy, with_rewards, out);
    else
      policy(with_rewards, out);
  }
  for (std::int64_t s = 0; s < in.sequences(); ++s) {
    // A bad number anywhere in a sequence has travelled to its first token.
    std::int64_t t = in.offsets[static_cast<std::size_t>(s)];
    const std::int64_t end = in.offsets[static_cast<std::size_t>(s) + 1];
    while (t < end && !in.sampled(t)) ++t;
    require(t == end || std::isfinite(out.advantages[static_cast<std::size_t>(t)]),
            "advantage: sequence ", s, " has the advantage ",
            t == end ? 0.0f : out.advantages[static_cast<std::size_t>(t)],
            ", expected a finite number: one of its rewards or values is not");
  }
}

}  // namespace advantage
}  // namespace v0
}  // namespace hone
