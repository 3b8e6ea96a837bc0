// From sampled answers to what an update reads: scores, reference log-probabilities, values, token
// rewards, advantages.
//
// One function for each part of the sentence "judge, penalise, estimate". Each fills its columns of
// an Experience and says in the report what it has seen.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iterator>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "hone/advantage/estimate.hpp"
#include "hone/core/completion.hpp"
#include "hone/core/differentiate.hpp"
#include "hone/core/error.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/math.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/networks.hpp"
#include "hone/train/reference.hpp"
#include "hone/train/report.hpp"
#include "hone/train/scalar_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

inline void report_lengths(const rollout::Rollouts& rollouts, Report& report) {
  double length = 0, truncated = 0;
  for (std::int64_t s = 0; s < rollouts.answers(); ++s) {
    length += static_cast<double>(rollouts.length(s));
    truncated += hone::truncated(rollouts.finish[static_cast<std::size_t>(s)]);
  }
  const double n = static_cast<double>(std::max<std::int64_t>(1, rollouts.answers()));
  // E[-log pi(token)] is the entropy: the mean over what was sampled estimates it without bias.
  double entropy = 0, sampled = 0;
  for (std::size_t r = 0; r < rollouts.logprobs.size(); ++r) {
    if (!rollouts.mask[r]) continue;
    entropy -= static_cast<double>(rollouts.logprobs[r]);
    ++sampled;
  }
  report.set("rollout/entropy", sampled > 0 ? entropy / sampled : 0.0);
  report.set("rollout/length_mean", length / n);
  report.set("rollout/truncated_fraction", truncated / n);
}

template <class Reward>
concept TakesTrunk = requires(Reward& reward, const rollout::Rollouts& r, const Trunk& t) {
  reward(r, t);
};

// A reward that is a network, or shows those that it holds, and can begin where a shared trunk
// ends.
template <class Reward>
concept ReadsTrunk = TakesTrunk<Reward> &&
    (HasNetwork<std::unwrap_reference_t<Reward>> || ShowsParts<std::unwrap_reference_t<Reward>>);

// What a reward gives: a score for each answer, [S], or these with the parts that they are made of
// (reward::Breakdown): `scores` and `parts`, a range of [S] each.
template <class Verdict>
concept HasParts = requires(const Verdict& v) {
  v.scores[0];
  v.parts[0][0];
};

template <class Reward>
concept GivesParts = requires(Reward& reward, const rollout::Rollouts& r) {
  { reward(r) } -> HasParts;
};

// The scores alone.
template <class Verdict>
std::vector<float> scores_of(Verdict&& verdict) {
  if constexpr (HasParts<Verdict>)
    return std::forward<Verdict>(verdict).scores;
  else
    return std::forward<Verdict>(verdict);
}

namespace detail {

// Checks numbers of answers and reports their mean and deviation as reward/<name>_mean and _std.
inline void report_scores(std::span<const float> scores, const std::string& name,
                          std::int64_t answers, Report& report) {
  require(static_cast<std::int64_t>(scores.size()) == answers,
          "OnlineTrainer: the reward returned ", scores.size(), " numbers named ", name,
          ", expected ", answers);
  double sum = 0, squares = 0;
  for (std::size_t s = 0; s < scores.size(); ++s) {
    require(std::isfinite(scores[s]), "OnlineTrainer: the ", name, " of answer ", s, " is ",
            scores[s], ", expected a finite number");
    sum += static_cast<double>(scores[s]);
    squares += static_cast<double>(scores[s]) * static_cast<double>(scores[s]);
  }
  const double n = static_cast<double>(std::max<std::size_t>(1, scores.size()));
  const std::string family = "reward/" + name;
  report.set(family + "_mean", sum / n);
  report.set(family + "_std", std::sqrt(std::max(0.0, squares / n - sum / n * sum / n)));
}

}  // namespace detail

// Scores limited to +-clip.
inline void limit(std::span<float> scores, float clip) {
  for (float& score : scores) score = std::clamp(score, -clip, clip);
}

// The reward's score of every answer, and its parts where the advantage reads them. Scores are
// reported as they are and then limited to +-clip; parts keep their size.
template <class Reward, class A>
void read_scores(Reward& reward, Experience<A>& e, float clip, Report& report) {
  const auto judge = [&] {
    if constexpr (ReadsTrunk<Reward>)
      return reward(e.rollouts, e.trunk());
    else
      return reward(e.rollouts);
  };
  auto verdict = judge();
  if constexpr (HasParts<decltype(verdict)>) {
    for (std::size_t k = 0; k < std::size(verdict.parts); ++k) {
      std::string name = "part" + std::to_string(k);
      if constexpr (requires { verdict.names[k]; }) name = verdict.names[k];
      detail::report_scores(verdict.parts[k], name, e.rollouts.answers(), report);
    }
    if constexpr (needs_score_components<A>)
      for (std::size_t s = 0; s < static_cast<std::size_t>(e.rollouts.answers()); ++s)
        for (const auto& part : verdict.parts) e.score_components.push_back(part[s]);
  }
  e.scores = scores_of(std::move(verdict));
  detail::report_scores(e.scores, "score", e.rollouts.answers(), report);
  limit(e.scores, clip);
}

// Log-probabilities of the answers' tokens under another policy, [R].
template <class Policy, class A>
std::vector<float> answer_logprobs(const Policy& policy, const Experience<A>& e,
                                   std::int64_t microbatch_tokens, PassSettings settings) {
  std::vector<float> out;
  for_each_microbatch(e.rollouts.forest, microbatch_tokens, [&](auto first, auto last) {
    const rollout::Rollouts part = e.rollouts.slice(first, last);
    settings.trunk = e.trunk().slice(e.rollouts.forest, first, last);
    const std::vector<float> found = policy(part.forest, answer_rows(part), settings);
    out.insert(out.end(), found.begin(), found.end());
  });
  return out;
}

// The critic's values before each token and after the last one of each answer.
template <class Critic, class A>
void read_values(const Critic& critic, Experience<A>& e, std::int64_t microbatch_tokens) {
  for_each_microbatch(e.rollouts.forest, microbatch_tokens, [&](auto first, auto last) {
    const rollout::Rollouts part = e.rollouts.slice(first, last);
    const std::vector<float> v =
        scalars(critic, part.forest, {.trunk = e.trunk().slice(e.rollouts.forest, first, last)});
    for (const std::int64_t h : answer_rows(part).hidden)
      e.values.push_back(v[static_cast<std::size_t>(h)]);
    for (const std::int64_t t : end_tokens(part.forest, part.segments))
      e.bootstrap.push_back(v[static_cast<std::size_t>(t)]);
  });
}

// Calls f(row) for the sampled tokens of answer s.
template <class F>
void for_each_sampled(const rollout::Rollouts& rollouts, std::int64_t s, F&& f) {
  for (std::int64_t r = rollouts.offsets[static_cast<std::size_t>(s)];
       r < rollouts.offsets[static_cast<std::size_t>(s) + 1]; ++r)
    if (rollouts.mask[static_cast<std::size_t>(r)]) f(static_cast<std::size_t>(r));
}

// The mean over answers of kl_of(row), summed over an answer's tokens and averaged over them.
template <class KlOf>
kl::Observed observe(const rollout::Rollouts& rollouts, KlOf&& kl_of) {
  kl::Observed seen{.sequences = rollouts.answers()};
  double per_token = 0;
  for (std::int64_t s = 0; s < rollouts.answers(); ++s) {
    double sum = 0, count = 0;
    for_each_sampled(rollouts, s, [&](std::size_t r) {
      sum += kl_of(r);
      ++count;
    });
    seen.per_sequence += sum;
    if (count > 0) per_token += sum / count;
  }
  const double n = static_cast<double>(std::max<std::int64_t>(1, seen.sequences));
  seen.per_sequence /= n;
  seen.per_token = per_token / n;
  return seen;
}

// KL(actor, reference) of the answers, estimated by k1.
template <class A>
kl::Observed distance_to_reference(const Experience<A>& e) {
  const auto actor = e.actor_logprobs();
  return observe(e.rollouts, [&](std::size_t r) {
    return static_cast<double>(actor[r]) - static_cast<double>(e.ref_logprobs[r]);
  });
}

// KL(sampler, actor) of answers that another sampler gave, estimated by k3 of q = actor / sampler.
template <class A>
kl::Observed distance_to_sampler(const Experience<A>& e) {
  const auto actor = e.actor_logprobs();
  return observe(e.rollouts, [&](std::size_t r) {
    const double log_q =
        static_cast<double>(actor[r]) - static_cast<double>(e.rollouts.logprobs[r]);
    return expm1(log_q) - log_q;
  });
}

// The penalty of every sampled token, in the token rewards.
template <class Penalty, class A>
void penalise_tokens(const Penalty& penalty, Experience<A>& e) {
  for (std::int64_t s = 0; s < e.rollouts.answers(); ++s)
    for_each_sampled(e.rollouts, s, [&](std::size_t r) {
      TokenInputs<float> in;
      in.logprob = in.old_logprob = e.actor_logprobs()[r];
      in.rollout_logprob = e.rollouts.logprobs[r];
      in.ref_logprob = e.ref_logprobs[r];
      e.token_rewards[r] = hone::value_at(penalty, in);
    });
}

// Which answers were cut off, [S].
inline std::vector<std::uint8_t> cut_off(const rollout::Rollouts& rollouts) {
  std::vector<std::uint8_t> out;
  for (const FinishReason f : rollouts.finish) out.push_back(truncated(f));
  return out;
}

// Advantages, and with a critic returns, [R]. With `truncation_is_end` nothing of worth follows an
// answer that was cut off: its bootstrap value is 0. A policy still sees that it was.
template <class Advantage, class A>
void estimate_advantages(const Advantage& advantage, Experience<A>& e, bool truncation_is_end) {
  const auto rows = static_cast<std::size_t>(e.rollouts.rows());
  e.advantages.resize(rows);
  const std::vector<std::uint8_t> cut = cut_off(e.rollouts);
  [[maybe_unused]] std::vector<float> bootstrap;
  advantage::Trajectories in{.offsets = e.rollouts.offsets,
                             .token_rewards = e.token_rewards,
                             .mask = e.rollouts.mask,
                             .truncated = cut,
                             .groups = e.rollouts.groups,
                             .scores = e.scores};
  advantage::Estimate out{.advantages = e.advantages};
  if constexpr (needs_critic<A>) {
    e.returns.resize(rows);
    in.values = e.values;
    bootstrap = e.bootstrap;
    for (std::size_t s = 0; s < cut.size(); ++s)
      if (cut[s] && truncation_is_end) bootstrap[s] = 0.0f;
    in.bootstrap = bootstrap;
    out.returns = e.returns;
  }
  if constexpr (needs_greedy_baseline<A>) in.greedy_scores = e.greedy_scores;
  if constexpr (needs_score_components<A>) in.score_components = e.score_components;
  advantage::estimate(advantage, in, out);
}

// 1 - Var(return - value) / Var(return) over the sampled tokens; 0 where the returns do not vary.
inline double explained_variance(std::span<const float> values, std::span<const float> returns,
                                 std::span<const std::uint8_t> mask) {
  const auto for_each = [&](auto&& f) {
    for (std::size_t r = 0; r < returns.size(); ++r)
      if (mask[r])
        f(static_cast<double>(returns[r]),
          static_cast<double>(returns[r]) - static_cast<double>(values[r]));
  };
  const auto n =
      static_cast<double>(std::max<std::int64_t>(1, std::count(mask.begin(), mask.end(), 1)));
  double mean = 0, error_mean = 0, variance = 0, error = 0;
  for_each([&](double ret, double rest) {
    mean += ret / n;
    error_mean += rest / n;
  });
  for_each([&](double ret, double rest) {
    variance += (ret - mean) * (ret - mean);
    error += (rest - error_mean) * (rest - error_mean);
  });
  return variance > 0 ? 1.0 - error / variance : 0.0;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
