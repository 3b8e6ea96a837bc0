// Random batches for the tests of the advantage room, and its formulas written out in double.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "hone/advantage/trajectory.hpp"
#include "hone/core/random.hpp"

namespace hone_test {

namespace adv = hone::advantage;

// Owns what Trajectories views. Masked tokens hold NaN.
struct Batch {
  std::vector<std::int64_t> offsets{0};
  std::vector<float> rewards, values, scores, bootstrap, greedy;
  std::vector<std::uint8_t> mask, truncated;
  std::vector<std::int32_t> groups;

  adv::Trajectories view() const {
    return {.offsets = offsets,
            .token_rewards = rewards,
            .values = values,
            .mask = mask,
            .truncated = truncated,
            .bootstrap = bootstrap,
            .groups = groups,
            .scores = scores,
            .greedy_scores = greedy};
  }
  std::size_t tokens() const { return rewards.size(); }
  std::size_t sequences() const { return scores.size(); }

  // Appends a sequence of the given tokens; a token is {reward, value}.
  struct Token {
    float reward, value;
    bool sampled = true;
  };
  void add(const std::vector<Token>& tokens, std::int32_t group, float score, bool cut_off = false,
           float value_after = 0, float greedy_score = 0) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const Token& t : tokens) {
      rewards.push_back(t.sampled ? t.reward : nan);
      values.push_back(t.sampled ? t.value : nan);
      mask.push_back(t.sampled);
    }
    offsets.push_back(static_cast<std::int64_t>(rewards.size()));
    scores.push_back(score);
    truncated.push_back(cut_off);
    bootstrap.push_back(cut_off ? value_after : nan);
    greedy.push_back(greedy_score);
    groups.push_back(group);
  }
};

struct Shape {
  int sequences = 50;
  int longest = 70;
  int group_size = 4;
  double gap_rate = 0.3;
  double truncation_rate = 0.3;
};

inline Batch random_batch(std::uint64_t seed, const Shape& shape = {}) {
  hone::RandomStream random({.seed = seed});
  const auto number = [&] { return static_cast<float>(2 * random.uniform() - 1); };
  Batch batch;
  for (int s = 0; s < shape.sequences; ++s) {
    std::vector<Batch::Token> tokens(random.below(static_cast<std::uint64_t>(shape.longest) + 1));
    for (auto& t : tokens) t = {number(), number(), random.uniform() >= shape.gap_rate};
    batch.add(tokens, s / shape.group_size, number(), random.uniform() < shape.truncation_rate,
              number(), number());
  }
  return batch;
}

// Indices of the sampled tokens of a sequence.
inline std::vector<std::size_t> sampled(const Batch& b, std::size_t s) {
  std::vector<std::size_t> out;
  for (auto t = b.offsets[s]; t < b.offsets[s + 1]; ++t)
    if (b.mask[static_cast<std::size_t>(t)]) out.push_back(static_cast<std::size_t>(t));
  return out;
}

struct Result {
  std::vector<float> advantages, returns;
};

// GAE in double, with separate lambdas for the policy and the critic.
struct ExactGae {
  std::vector<double> advantages, targets;
};
inline ExactGae exact_gae(const Batch& b, double gamma, double lambda_policy,
                          double lambda_critic) {
  ExactGae out{std::vector<double>(b.tokens()), std::vector<double>(b.tokens())};
  for (std::size_t s = 0; s < b.sequences(); ++s) {
    const auto index = sampled(b, s);
    const double last = b.truncated[s] ? b.bootstrap[s] : 0.0;
    for (std::size_t i = 0; i < index.size(); ++i) {
      // The definition, not the recursion: A_i = sum_k (gamma lambda)^(k-i) delta_k.
      double policy = 0, critic = 0;
      for (std::size_t k = index.size(); k-- > i;) {
        const double next = k + 1 < index.size() ? b.values[index[k + 1]] : last;
        const double delta = b.rewards[index[k]] + gamma * next - b.values[index[k]];
        policy += std::pow(gamma * lambda_policy, static_cast<double>(k - i)) * delta;
        critic += std::pow(gamma * lambda_critic, static_cast<double>(k - i)) * delta;
      }
      out.advantages[index[i]] = policy;
      out.targets[index[i]] = critic + b.values[index[i]];
    }
  }
  return out;
}

}  // namespace hone_test
