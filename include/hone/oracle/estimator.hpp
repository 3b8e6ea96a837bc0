// The gradient that a composition estimates from samples: its expectation and its variance, exactly
//
// A draw is what one optimiser step sees: `group_size` answers to one prompt, sampled from the
// rollout policy. The composition's own functors turn it into the gradient of its loss by the
// logits of the actor. Averaging over every possible draw gives the expectation (bias against
// whatever it should be, exactly) and the variance. No number here is estimated.
//
//   oracle::Setting setting{.space = space, .actor = pi, .old = pi, .rollout = pi,
//                           .reference = ref, .reward = score, .group_size = 2};
//   auto found = oracle::moments(oracle::Composition{.advantage = advantage::LeaveOneOut{}},
//                                setting);
//   (found.mean + oracle::reward_gradient(space, pi, score)).norm();
//
// Advantages are computed in single precision, as in training, everything else in double:
// expectations are good to about 1e-7.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "hone/advantage/estimate.hpp"
#include "hone/core/differentiate.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/random.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/kl/none.hpp"
#include "hone/loss/aggregation.hpp"
#include "hone/oracle/exact.hpp"
#include "hone/oracle/setting.hpp"

namespace hone {
inline namespace v0 {
namespace oracle {

struct Moments {
  Gradient mean;        // E g, of the loss: the step of an optimiser goes the other way
  double variance = 0;  // E |g - E g|^2
};

namespace detail {

template <class Kl>
auto penalty_of(const Kl& kl) {
  if constexpr (requires { kl.with(kl::start(kl.coef)); })
    return kl.with(kl::start(kl.coef));
  else
    return kl;
}

template <class>
inline constexpr bool in_reward = false;
template <class Estimator, class Coefficient>
inline constexpr bool in_reward<kl::InReward<Estimator, Coefficient>> = true;

inline const Answer& greedy_answer(const Space& space, const Policy& pi) {
  const Answer* best = nullptr;
  for (const Answer& a : space.answers()) {
    bool greedy = true;
    for (std::size_t i = 0; i < a.tokens.size() && greedy; ++i)
      for (Token v = 0; v < pi.vocabulary() && greedy; ++v)
        greedy = pi.logprob(a.rows[i], v) < pi.logprob(a.rows[i], a.tokens[i]) || v == a.tokens[i];
    if (greedy) best = &a;
  }
  require(best != nullptr, "oracle: the greedy answer is not unique");
  return *best;
}

// The numbers of one token of one answer.
inline TokenInputs<double> token_inputs(const Setting& s, const Answer& a, std::size_t i) {
  TokenInputs<double> in;
  const int row = a.rows[i];
  const Token token = a.tokens[i];
  in.logprob = s.actor.logprob(row, token);
  in.entropy = s.actor.entropy(row);
  in.full_kl = s.actor.kl(s.reference, row);
  in.old_logprob = s.old.logprob(row, token);
  in.rollout_logprob = s.rollout.logprob(row, token);
  in.ref_logprob = s.reference.logprob(row, token);
  in.drift = s.old.logprob(a) - s.rollout.logprob(a);
  in.length = a.length();
  return in;
}

inline void add_slope(const Setting& s, const Answer& a, std::size_t i,
                      const TokenInputs<double>& slope, double weight, Gradient& g) {
  s.actor.add_logprob_gradient(a.rows[i], a.tokens[i], weight * slope.logprob, g);
  s.actor.add_entropy_gradient(a.rows[i], weight * slope.entropy, g);
  s.actor.add_kl_gradient(s.reference, a.rows[i], weight * slope.full_kl, g);
}

// A functor's token stage as a functor of its own (see SequenceInputs::token_sum).
template <class F>
struct Stage {
  F f{};
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return f.token(t);
  }
};
template <class F>
concept staged = requires(const F& f, const TokenInputs<dual<double, 1>>& t) {
  f.token(t);
};

template <class F>
void add_sequence_gradient(const F& f, const Setting& s, const Answer& a, double advantage,
                           double weight, Gradient& g) {
  SequenceInputs<double> sums;
  sums.length = a.length();
  sums.advantage = advantage;
  for (std::size_t i = 0; i < a.tokens.size(); ++i) {
    TokenInputs<double> t = token_inputs(s, a, i);
    t.advantage = advantage;
    sums.logprob += t.logprob;
    sums.entropy += t.entropy;
    sums.old_logprob += t.old_logprob;
    sums.rollout_logprob += t.rollout_logprob;
    sums.ref_logprob += t.ref_logprob;
    if constexpr (staged<F>) sums.token_sum += value_at(Stage<F>{f}, t);
  }
  const auto slope = differentiate(f, sums).slope;
  for (std::size_t i = 0; i < a.tokens.size(); ++i) {
    TokenInputs<double> by_token;
    if constexpr (staged<F>) {
      TokenInputs<double> t = token_inputs(s, a, i);
      t.advantage = advantage;
      by_token = differentiate(Stage<F>{f}, t).slope;
      by_token.each([&](double& x) { x *= slope.token_sum; }, by_token);
    }
    by_token.logprob += slope.logprob;
    by_token.entropy += slope.entropy;
    add_slope(s, a, i, by_token, weight, g);
  }
}

// Advantages of all tokens of a draw, end to end.
template <class C>
std::vector<float> advantages(const C& c, const Setting& s, std::span<const Answer* const> draw) {
  std::vector<std::int64_t> offsets{0};
  std::vector<float> rewards, values, bootstrap, scores, greedy, parts;
  std::vector<std::uint8_t> cut_off;  // by the horizon, after which nothing is worth anything
  const std::vector<std::int32_t> groups(draw.size(), 0);
  float greedy_score = 0;
  if constexpr (advantage::needs_greedy_baseline_v<decltype(c.advantage)>)
    greedy_score = s.reward(greedy_answer(s.space, s.old).tokens);
  for (const Answer* a : draw) {
    for (std::size_t i = 0; i < a->tokens.size(); ++i) {
      float penalty = 0;
      if constexpr (in_reward<decltype(c.kl)>) {
        TokenInputs<double> in = token_inputs(s, *a, i);
        in.logprob = in.old_logprob;
        penalty = static_cast<float>(value_at(penalty_of(c.kl), in));
      }
      rewards.push_back(penalty);
      if (!s.values.empty()) values.push_back(s.values[static_cast<std::size_t>(a->rows[i])]);
    }
    offsets.push_back(static_cast<std::int64_t>(rewards.size()));
    scores.push_back(s.reward(a->tokens));
    greedy.push_back(greedy_score);
    cut_off.push_back(!a->ended);
    bootstrap.push_back(a->ended && s.value_after ? s.value_after(a->tokens) : 0.0f);
    for (const auto& part : s.parts) parts.push_back(part(a->tokens));
    rewards.back() += scores.back();
  }
  std::vector<float> out(rewards.size());
  advantage::estimate(c.advantage,
                      {.offsets = offsets,
                       .token_rewards = rewards,
                       .values = values,
                       .truncated = cut_off,
                       .bootstrap = bootstrap,
                       .groups = groups,
                       .scores = scores,
                       .greedy_scores = greedy,
                       .score_components = parts},
                      {.advantages = out});
  return out;
}

}  // namespace detail

// The gradient of the composition's loss for one draw.
template <class C>
Gradient draw_gradient(const C& c, const Setting& s, std::span<const Answer* const> draw) {
  using Loss = std::remove_cvref_t<decltype(c.loss)>;
  using Kl = std::remove_cvref_t<decltype(c.kl)>;
  constexpr bool kl_in_loss = !std::is_same_v<Kl, kl::None> && !detail::in_reward<Kl>;
  const std::vector<float> advantages = detail::advantages(c, s, draw);
  loss::Counts counts;
  for (const Answer* a : draw) {
    counts.tokens += a->length();
    ++counts.sequences;
    counts.cut_off += !a->ended;
  }
  Gradient g = s.actor.no_gradient();
  std::size_t first = 0;
  for (const Answer* a : draw) {
    // A KL term beside a loss of sequences is averaged over each of them (loss::WithTokenTerm).
    const double mean = 1.0 / static_cast<double>(counts.sequences);
    const double weight = level_of<Loss> == Level::sequence
                              ? mean / a->length()
                              : static_cast<double>(c.aggregation(counts, a->length()));
    for (std::size_t i = 0; i < a->tokens.size(); ++i) {
      TokenInputs<double> in = detail::token_inputs(s, *a, i);
      in.advantage = advantages[first + i];
      if constexpr (level_of<Loss> == Level::token)
        detail::add_slope(s, *a, i, differentiate(c.loss, in).slope, weight, g);
      if constexpr (kl_in_loss)
        detail::add_slope(s, *a, i, differentiate(detail::penalty_of(c.kl), in).slope, weight, g);
    }
    if constexpr (level_of<Loss> == Level::sequence)
      detail::add_sequence_gradient(c.loss, s, *a, advantages[first], mean, g);
    first += a->tokens.size();
  }
  return g;
}

// Expectation and variance over all answers^group_size draws.
template <class C>
Moments moments(const C& c, const Setting& s) {
  const auto& answers = s.space.answers();
  const auto G = static_cast<std::size_t>(s.group_size);
  require(G >= 1 && std::pow(static_cast<double>(answers.size()), s.group_size) <= 1e7,
          "oracle: ", answers.size(), " answers in groups of ", s.group_size,
          ", expected at most 10^7 draws");
  Moments m{.mean = s.actor.no_gradient()};
  double second = 0;
  std::vector<std::size_t> index(G, 0);
  std::vector<const Answer*> draw(G);
  for (bool more = true; more;) {
    double probability = 1;
    for (std::size_t k = 0; k < G; ++k) {
      draw[k] = &answers[index[k]];
      probability *= s.rollout.prob(*draw[k]);
    }
    const Gradient g = draw_gradient(c, s, draw);
    m.mean += probability * g;
    second += probability * g.squaredNorm();
    more = false;
    for (std::size_t k = 0; k < G && !more; ++k) {
      more = ++index[k] < answers.size();
      if (!more) index[k] = 0;
    }
  }
  m.variance = second - m.mean.squaredNorm();
  return m;
}

// The same mean, estimated from n random draws: what training does.
template <class C>
Gradient sampled_mean(const C& c, const Setting& s, std::int64_t n, std::uint64_t seed) {
  RandomStream random({.seed = seed});
  std::vector<double> below;  // cumulative probabilities of the answers
  double sum = 0;
  for (const Answer& a : s.space.answers()) below.push_back(sum += s.rollout.prob(a));
  const auto sample = [&] {
    const double u = random.uniform() * sum;
    std::size_t i = 0;
    while (i + 1 < below.size() && below[i] <= u) ++i;
    return &s.space.answers()[i];
  };
  Gradient mean = s.actor.no_gradient();
  std::vector<const Answer*> draw(static_cast<std::size_t>(s.group_size));
  for (std::int64_t k = 0; k < n; ++k) {
    for (auto& a : draw) a = sample();
    mean += draw_gradient(c, s, draw) / static_cast<double>(n);
  }
  return mean;
}

}  // namespace oracle
}  // namespace v0
}  // namespace hone
