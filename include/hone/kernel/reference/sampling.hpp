// Drawing one token from a row of logits in plain loops: every token is sorted, and the sums run
// over all of them. With T = float it gives the bits of rollout/sampling.hpp.
//
// Settings has the members of rollout::Sampling: temperature, top_k, top_p, min_p.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/math.hpp"
#include "hone/kernel/reference/lanes.hpp"
#include "hone/kernel/reference/log_softmax.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

template <class T>
struct Drawn {
  Token token = 0;
  T logprob{};
};

// Tokens by falling value, the smaller id first among equals.
template <class T>
std::vector<Token> ranked(std::span<const T> values) {
  std::vector<Token> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Token a, Token b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  return order;
}

// Which tokens pass min-p, then top-k, then top-p: the fewest most probable that hold at least
// top_p of the weight that the others have left. A token without weight is none of them.
template <class T, class Settings>
std::vector<bool> kept(const Settings& s, std::span<const T> weights) {
  std::vector<Token> order;
  for (const Token token : ranked(weights)) {
    const T w = weights[static_cast<std::size_t>(token)];
    const bool in_rank = s.top_k == 0 || order.size() < static_cast<std::size_t>(s.top_k);
    if (in_rank && w > 0 && !(w < static_cast<T>(s.min_p))) order.push_back(token);
  }
  const auto weight = [&](Token token) {
    return static_cast<double>(weights[static_cast<std::size_t>(token)]);
  };
  double total = 0.0, mass = 0.0;
  for (const Token token : order) total += weight(token);
  std::vector<bool> out(weights.size(), false);
  for (const Token token : order) {
    if (s.top_p < 1 && mass > 0 && !(mass < static_cast<double>(s.top_p) * total)) break;
    mass += weight(token);
    out[static_cast<std::size_t>(token)] = true;
  }
  return out;
}

// The smallest token whose cumulative weight exceeds u times the total, by packs of 16 summed in
// the one tree, then within the pack; where rounding leaves none, the last one that has weight.
template <class T>
Token invert(std::span<const T> weights, T u) {
  std::vector<double> packs;
  for (std::size_t i = 0; i < weights.size(); i += 16) {
    LaneSum<T> lanes;
    for (std::size_t l = 0; l < 16 && i + l < weights.size(); ++l)
      lanes.add(static_cast<std::int64_t>(l), weights[i + l]);
    packs.push_back(static_cast<double>(lanes.sum()));
  }
  const double target = static_cast<double>(u) * std::accumulate(packs.begin(), packs.end(), 0.0);
  double below = 0.0;
  Token last = 0;
  for (std::size_t p = 0; p < packs.size(); ++p) {
    const bool reached = below + packs[p] > target;
    double inside = below;
    for (std::size_t i = 16 * p; i < std::min(weights.size(), 16 * p + 16); ++i) {
      if (!(weights[i] > 0)) continue;
      last = static_cast<Token>(i);
      inside += static_cast<double>(weights[i]);
      if (reached && inside > target) return last;
    }
    if (reached) return last;
    below += packs[p];
  }
  return last;
}

// None where a logit is NaN or +infinity, or none is finite; u is uniform in [0, 1).
template <class T, class Settings>
std::optional<Drawn<T>> sample(const Settings& s, std::span<const T> logits, T u) {
  for (const T z : logits)
    if (std::isnan(z)) return std::nullopt;
  const Token best = ranked(logits).front();
  const T top = logits[static_cast<std::size_t>(best)];
  if (!std::isfinite(top)) return std::nullopt;
  const auto vocab = static_cast<std::int64_t>(logits.size());
  const bool greedy = s.temperature == 0;
  const auto row =
      log_softmax_stats(logits.data(), vocab, greedy ? T(1) : static_cast<T>(s.temperature));
  Token token = best;
  if (!greedy) {
    std::vector<T> weights;
    for (const T z : logits)
      weights.push_back(exp(product(z - top, T(1) / static_cast<T>(s.temperature))));
    const std::vector<bool> keep = kept(s, std::span<const T>(weights));
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (!keep[i]) weights[i] = T(0);
    token = invert(std::span<const T>(weights), u);
  }
  return Drawn<T>{token, logprob(row, logits[static_cast<std::size_t>(token)])};
}

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
