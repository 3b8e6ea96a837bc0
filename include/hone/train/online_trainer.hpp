// Learning from one's own samples: PPO, GRPO, RLOO and every other composition.
//
//   hone::OnlineTrainer trainer{actor, reward, algorithm, {.group_size = 8, .seed = 1}};
//   for (int i = 0; i < 100; ++i) std::cout << trainer.step(prompts);
//
// One step is the sentence that names the library's rooms: sample answers, judge them, penalise the
// distance to the reference, estimate advantages, update. What a composition does not need does not
// exist in its type: no critic unless the advantage reads values, no reference unless a penalty or
// the loss reads one. Log-probabilities of the rollout are those of training bit for bit, so no
// pass computes them again.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "hone/advantage/estimate.hpp"
#include "hone/core/completion.hpp"
#include "hone/core/error.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/kl/none.hpp"
#include "hone/loss/aggregation.hpp"
#include "hone/loss/metrics.hpp"
#include "hone/loss/sequences.hpp"
#include "hone/rollout/engine.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/adamw.hpp"
#include "hone/train/algorithm.hpp"
#include "hone/train/ema.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/parameters.hpp"
#include "hone/train/reference.hpp"
#include "hone/train/report.hpp"
#include "hone/train/scalar_pass.hpp"
#include "hone/train/schedule.hpp"
#include "hone/train/sequence_pass.hpp"
#include "hone/train/token_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct OnlineOptions {
  std::int32_t group_size = 1;               // answers per prompt
  rollout::GenerateOptions generation = {};  // seed and step are set by the trainer
  std::int32_t ppo_epochs = 1;               // passes over the experience
  std::int32_t minibatches = 1;              // optimiser steps per pass, of whole trees
  std::int64_t microbatch_tokens = 8192;     // per forward and backward pass; changes no bit
  AdamW optimizer = {};
  Schedule schedule = {.peak = 1e-6f, .decay = Decay::constant};
  AdamW critic_optimizer = {};
  Schedule critic_schedule = {.peak = 5e-6f, .decay = Decay::constant};
  float score_clip = std::numeric_limits<float>::infinity();  // scores are limited to +- this
  double stop_kl = 0.0;  // ends the update of a batch once approx_kl is above; 0: never
  bool checkpoint_activations = false;
  std::optional<Ema> ema = {};
  std::uint64_t seed = 0;
};

// What a run carries from step to step; saved and restored as a whole.
template <class KlState>
struct OnlineState {
  std::int64_t step = 0;     // rollout phases
  std::int64_t updates = 0;  // optimiser steps
  AdamW::State optimizer, critic_optimizer;
  Ema::State ema;
  KlState kl{};
};

// Stands where a composition has no critic.
struct NoCritic {};

template <class DecoderType, class Reward, class AlgorithmType, class Critic = NoCritic>
class OnlineTrainer {
 public:
  using Decoder = DecoderType;
  using Composition = AlgorithmType;
  using State = OnlineState<kl_state<AlgorithmType>>;
  static constexpr bool has_critic = needs_critic<AlgorithmType>;
  static constexpr bool has_reference = needs_reference<AlgorithmType>;
  static constexpr bool has_greedy_baseline = needs_greedy_baseline<AlgorithmType>;

  // `reward(rollouts)` returns a score for each answer, [S].
  OnlineTrainer(std::type_identity_t<Decoder>& actor, std::type_identity_t<Reward> reward,
                std::type_identity_t<AlgorithmType> algorithm,
                OnlineOptions options = {}) requires(!has_critic)
      : OnlineTrainer(Private{}, actor, NoCritic{}, std::move(reward), std::move(algorithm),
                      std::move(options)) {}

  // The same with the critic that the advantage reads.
  OnlineTrainer(std::type_identity_t<Decoder>& actor, std::type_identity_t<Critic> critic,
                std::type_identity_t<Reward> reward, std::type_identity_t<AlgorithmType> algorithm,
                OnlineOptions options = {}) requires(has_critic)
      : OnlineTrainer(Private{}, actor, std::move(critic), std::move(reward), std::move(algorithm),
                      std::move(options)) {}

  // One rollout phase and the updates that follow from it.
  Report step(std::span<const rollout::Request> prompts) {
    Report report;
    report.step = state_.step;
    Experience experience = judge(sample(prompts, report), report);
    penalise(experience, report);
    estimate(experience, report);
    update(experience, report);
    ++state_.step;
    return report;
  }

  // Samples group_size answers to each prompt from the actor as it is.
  rollout::Rollouts sample(std::span<const rollout::Request> prompts, Report& report) {
    std::vector<rollout::Request> requests(prompts.begin(), prompts.end());
    for (rollout::Request& r : requests) r.samples = options_.group_size;
    rollout::GenerateOptions generation = options_.generation;
    generation.seed = options_.seed;
    generation.step = static_cast<std::uint64_t>(state_.step);
    const auto answers = engine_.generate(requests, generation, decode_);
    if constexpr (has_greedy_baseline) ask_greedily(requests, generation);
    rollout::Rollouts rollouts = rollout::collect(requests, answers);
    double length = 0, truncated = 0;
    for (std::int64_t s = 0; s < rollouts.answers(); ++s) {
      length += static_cast<double>(rollouts.length(s));
      truncated += hone::truncated(rollouts.finish[static_cast<std::size_t>(s)]);
    }
    const double n = static_cast<double>(std::max<std::int64_t>(1, rollouts.answers()));
    report.set("rollout/length_mean", length / n);
    report.set("rollout/truncated_fraction", truncated / n);
    return rollouts;
  }

  // Scores of the answers, log-probabilities under the reference, values.
  Experience judge(rollout::Rollouts rollouts, Report& report) {
    Experience e;
    e.rollouts = std::move(rollouts);
    e.scores = reward_(e.rollouts);
    require(static_cast<std::int64_t>(e.scores.size()) == e.rollouts.answers(),
            "OnlineTrainer: the reward returned ", e.scores.size(), " scores, expected ",
            e.rollouts.answers());
    double sum = 0, squares = 0;
    for (std::size_t s = 0; s < e.scores.size(); ++s) {
      float& score = e.scores[s];
      require(std::isfinite(score), "OnlineTrainer: the score of answer ", s, " is ", score,
              ", expected a finite number");
      sum += static_cast<double>(score);
      squares += static_cast<double>(score) * static_cast<double>(score);
      score = std::clamp(score, -options_.score_clip, options_.score_clip);
    }
    const double n = static_cast<double>(std::max<std::size_t>(1, e.scores.size()));
    report.set("reward/score_mean", sum / n);
    report.set("reward/score_std", std::sqrt(std::max(0.0, squares / n - sum / n * sum / n)));
    if constexpr (has_greedy_baseline)
      for (const std::int32_t group : e.rollouts.groups)
        e.greedy_scores.push_back(greedy_scores_.at(static_cast<std::size_t>(group)));
    if constexpr (has_reference)
      for_each_microbatch(
          e.rollouts.forest, options_.microbatch_tokens, [&](auto first, auto last) {
            const rollout::Rollouts part = e.rollouts.slice(first, last);
            const auto found = reference_->logprobs(part.forest, answer_rows(part), settings());
            e.ref_logprobs.insert(e.ref_logprobs.end(), found.begin(), found.end());
          });
    if constexpr (has_critic) read_values(e);
    return e;
  }

  // Token rewards: the score at the end of each answer, and the penalty where it acts on rewards.
  void penalise(Experience& e, Report& report) {
    e.token_rewards.assign(static_cast<std::size_t>(e.rollouts.rows()), 0.0f);
    if constexpr (has_reference) {
      kl::Observed observed{.sequences = e.rollouts.answers()};
      double per_token = 0;
      for (std::int64_t s = 0; s < e.rollouts.answers(); ++s) {
        double sum = 0, count = 0;
        for_each_row(e, s, [&](std::size_t r) {
          sum +=
              static_cast<double>(e.rollouts.logprobs[r]) - static_cast<double>(e.ref_logprobs[r]);
          ++count;
        });
        observed.per_sequence += sum;
        if (count > 0) per_token += sum / count;
      }
      const double n = static_cast<double>(std::max<std::int64_t>(1, observed.sequences));
      observed.per_sequence /= n;
      observed.per_token = per_token / n;
      report.set("reward/kl", observed.per_sequence);
      report.set("reward/kl_coef", static_cast<double>(penalty().coef));
      if constexpr (penalty_in_reward) {
        const auto now = penalty();
        for (std::int64_t s = 0; s < e.rollouts.answers(); ++s)
          for_each_row(e, s, [&](std::size_t r) {
            TokenInputs<float> in;
            in.logprob = in.old_logprob = in.rollout_logprob = e.rollouts.logprobs[r];
            in.ref_logprob = e.ref_logprobs[r];
            e.token_rewards[r] = hone::value_at(now, in);
          });
      }
      if constexpr (has_penalty) state_.kl = kl::next(algorithm_.kl.coef, state_.kl, observed);
    }
    place_scores(e.rollouts, e.scores, e.token_rewards);
  }

  void estimate(Experience& e, Report& report) {
    const auto rows = static_cast<std::size_t>(e.rollouts.rows());
    e.advantages.resize(rows);
    e.returns.resize(rows);
    std::vector<std::uint8_t> cut;
    for (const FinishReason f : e.rollouts.finish) cut.push_back(truncated(f));
    advantage::estimate(algorithm_.advantage,
                        {.offsets = e.rollouts.offsets,
                         .token_rewards = e.token_rewards,
                         .values = e.values,
                         .mask = e.rollouts.mask,
                         .truncated = cut,
                         .bootstrap = e.bootstrap,
                         .groups = e.rollouts.groups,
                         .scores = e.scores,
                         .greedy_scores = e.greedy_scores},
                        {.advantages = e.advantages, .returns = e.returns});
    if constexpr (has_critic)
      report.set("value/explained_variance", explained_variance(e.values, e.returns));
  }

  // ppo_epochs passes over the experience, in minibatches of whole trees.
  void update(const Experience& e, Report& report) {
    const std::int64_t trees = e.rollouts.forest.trees();
    const std::int64_t parts =
        std::clamp<std::int64_t>(options_.minibatches, 1, std::max<std::int64_t>(1, trees));
    Means means;
    bool stopped = false;
    for (std::int32_t epoch = 0; epoch < options_.ppo_epochs && !stopped; ++epoch) {
      const std::vector<std::int64_t> order = shuffled(trees, epoch);
      for (std::int64_t m = 0; m < parts && !stopped; ++m) {
        std::vector<std::int64_t> chosen(order.begin() + trees * m / parts,
                                         order.begin() + trees * (m + 1) / parts);
        std::sort(chosen.begin(), chosen.end());  // the canonical order of sums
        stopped = !update_minibatch(e.pick(chosen), means);
      }
    }
    means.write(report);
    report.set("update/stopped_early", stopped);
    report.set("update/lr", static_cast<double>(
                                options_.schedule(std::max<std::int64_t>(0, state_.updates - 1))));
  }

  const State& state() const { return state_; }
  State& state() { return state_; }
  const OnlineOptions& options() const { return options_; }
  const AlgorithmType& algorithm() const { return algorithm_; }
  Decoder& actor() { return *actor_; }

  // The parameters that the actor's (the critic's) optimiser moves, in the order of its state.
  const ParameterList& actor_parameters() const { return actor_parameters_; }
  const ParameterList& critic_parameters() const { return critic_parameters_; }

  // Words of tokens, for stop strings.
  void set_decode(rollout::Decode decode) { decode_ = std::move(decode); }

 private:
  struct Private {};
  static constexpr bool has_penalty = !std::is_same_v<decltype(AlgorithmType::kl), kl::None>;
  static constexpr bool penalty_in_reward = penalises_reward<AlgorithmType>;

  OnlineTrainer(Private, DecoderType& actor, Critic critic, Reward reward, AlgorithmType algorithm,
                OnlineOptions options)
      : actor_(&actor),
        critic_(std::move(critic)),
        reward_(std::move(reward)),
        algorithm_(std::move(algorithm)),
        options_(std::move(options)),
        engine_(actor),
        actor_parameters_(trainable_parameters(actor)) {
    require(options_.group_size > 0, "OnlineOptions: group_size is ", options_.group_size,
            ", expected a positive number");
    require(options_.generation.sampling.temperature > 0,
            "OnlineOptions: generation.sampling.temperature is ",
            options_.generation.sampling.temperature,
            ", expected above 0: greedy answers have no policy gradient");
    require(!actor_parameters_.empty(),
            "OnlineTrainer: the actor has no trainable parameter; call train_from_layer or attach");
    check_algorithm(algorithm_);
    if constexpr (has_reference) reference_.emplace(actor);
    if constexpr (has_critic) {
      critic_parameters_ = trainable_parameters(*critic_.decoder);
      critic_.head->for_each_parameter([&](auto& p) {
        if (p.trainable()) critic_parameters_.push_back(&p);
      });
      require(!critic_parameters_.empty(), "OnlineTrainer: the critic has no trainable parameter");
    }
    if constexpr (has_penalty) state_.kl = kl::start(algorithm_.kl.coef);
  }

  PassSettings settings() const {
    return {.temperature = options_.generation.sampling.temperature,
            .checkpoint_activations = options_.checkpoint_activations};
  }

  // The penalty with the coefficient of this moment.
  auto penalty() const { return algorithm_.kl.with(state_.kl); }

  template <class F>
  static void for_each_row(const Experience& e, std::int64_t s, F&& f) {
    for (std::int64_t r = e.rollouts.offsets[static_cast<std::size_t>(s)];
         r < e.rollouts.offsets[static_cast<std::size_t>(s) + 1]; ++r)
      if (e.rollouts.mask[static_cast<std::size_t>(r)]) f(static_cast<std::size_t>(r));
  }

  // The score of the greedy answer to each prompt, in the canonical order of prompts (ReMax).
  void ask_greedily(std::vector<rollout::Request> requests, rollout::GenerateOptions generation) {
    for (rollout::Request& r : requests) r.samples = 1;
    generation.sampling = {.temperature = 0.0f};
    greedy_scores_ =
        reward_(rollout::collect(requests, engine_.generate(requests, generation, decode_)));
    require(greedy_scores_.size() == requests.size(), "OnlineTrainer: the reward returned ",
            greedy_scores_.size(), " scores of greedy answers, expected ", requests.size());
  }

  void read_values(Experience& e) {
    for_each_microbatch(e.rollouts.forest, options_.microbatch_tokens, [&](auto first, auto last) {
      const rollout::Rollouts part = e.rollouts.slice(first, last);
      const std::vector<float> v = scalars(critic_, part.forest);
      for (const std::int64_t h : answer_rows(part).hidden)
        e.values.push_back(v[static_cast<std::size_t>(h)]);
      for (const std::int64_t t : end_tokens(part.forest, part.segments))
        e.bootstrap.push_back(v[static_cast<std::size_t>(t)]);
    });
  }

  std::vector<std::int64_t> shuffled(std::int64_t n, std::int32_t epoch) const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
    RandomStream stream({.seed = options_.seed,
                         .step = static_cast<std::uint64_t>(state_.step),
                         .sequence = static_cast<std::uint64_t>(epoch),
                         .stream = 1});
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
    return order;
  }

  // What a minibatch adds to the metrics of a step.
  struct Means {
    double loss = 0, value_loss = 0, approx_kl = 0, clipped = 0, ratio = 0, entropy = 0, norm = 0,
           value_norm = 0;
    std::int64_t updates = 0;

    void write(Report& report) const {
      const double n = static_cast<double>(std::max<std::int64_t>(1, updates));
      report.set("loss/policy", loss / n);
      report.set("policy/approx_kl", approx_kl / n);
      report.set("policy/clip_fraction", clipped / n);
      report.set("policy/ratio_mean", ratio / n);
      if constexpr (needs_entropy<AlgorithmType>) report.set("policy/entropy", entropy / n);
      report.set("update/grad_norm", norm / n);
      if constexpr (has_critic) {
        report.set("loss/value", value_loss / n);
        report.set("update/critic_grad_norm", value_norm / n);
      }
    }
  };

  // Gradients of one minibatch, then one optimiser step of actor and critic. False: the KL to the
  // sampling policy is beyond stop_kl, and the weights have not been changed.
  bool update_minibatch(const Experience& e, Means& means) {
    loss::Counts counts;
    counts.add(e.rollouts.offsets, e.rollouts.mask);
    if (counts.tokens == 0) return true;
    zero_gradients(actor_parameters_);
    if constexpr (has_critic) zero_gradients(critic_parameters_);
    OrderFreeSum<> total, value_total;
    loss::PolicyMetrics metrics;
    for_each_microbatch(e.rollouts.forest, options_.microbatch_tokens, [&](auto first, auto last) {
      std::vector<std::int64_t> trees;
      for (auto t = first; t < last; ++t) trees.push_back(t);
      const Experience part = e.pick(trees);
      total.add(actor_pass(part, counts, metrics));
      if constexpr (has_critic) value_total.add(critic_pass(part, counts));
    });
    const double approx_kl = metrics.approx_kl_mean();
    if (options_.stop_kl > 0 && approx_kl > options_.stop_kl) return false;

    const auto result =
        options_.optimizer(actor_parameters_, state_.optimizer, options_.schedule(state_.updates));
    actor_->touch();
    if (options_.ema) (*options_.ema)(actor_parameters_, state_.ema);
    means.loss += total.value();
    means.approx_kl += approx_kl;
    means.ratio += metrics.ratio_mean();
    means.clipped += metrics.clip_fraction();
    means.entropy += metrics.entropy_mean();
    means.norm += result.gradient_norm;
    if constexpr (has_critic) {
      const auto value_result = options_.critic_optimizer(
          critic_parameters_, state_.critic_optimizer, options_.critic_schedule(state_.updates));
      critic_.decoder->touch();
      means.value_loss += value_total.value();
      means.value_norm += value_result.gradient_norm;
    }
    ++means.updates;
    ++state_.updates;
    return true;
  }

  OrderFreeSum<> actor_pass(const Experience& e, const loss::Counts& counts,
                            loss::PolicyMetrics& metrics) {
    const auto all = static_cast<std::size_t>(e.rollouts.rows());
    // Rows of tokens that others wrote are left out of the head's work.
    std::vector<std::size_t> kept;
    for (std::size_t r = 0; r < all; ++r)
      if (e.rollouts.mask[r]) kept.push_back(r);
    const auto keep = [&kept](const std::vector<float>& column) {
      std::vector<float> out;
      if (!column.empty())
        for (const std::size_t r : kept) out.push_back(column[r]);
      return out;
    };
    const HeadRows every = answer_rows(e.rollouts);
    SequenceRows sequences;
    std::size_t next = 0;
    for (std::int64_t s = 0; s < e.rollouts.answers(); ++s) {
      for (; next < kept.size() && static_cast<std::int64_t>(kept[next]) <
                                       e.rollouts.offsets[static_cast<std::size_t>(s) + 1];
           ++next) {
        sequences.rows.hidden.push_back(every.hidden[kept[next]]);
        sequences.rows.targets.push_back(every.targets[kept[next]]);
        sequences.rows.tokens.push_back(every.tokens[kept[next]]);
      }
      sequences.offsets.push_back(sequences.rows.size());
    }
    const std::vector<float> old = keep(e.rollouts.logprobs), ref = keep(e.ref_logprobs),
                             advantages = keep(e.advantages);
    std::vector<float> logprobs(kept.size()), entropies(kept.size()),
        kls(needs_full_kl<AlgorithmType> ? kept.size() : 0);
    OrderFreeSum<> total;
    const auto objective = actor_objective(algorithm_, state_.kl);
    using F = std::remove_cvref_t<decltype(objective)>;
    const std::vector<float> lengths = row_lengths(sequences);
    TokenInputs<loss::Column> columns;
    columns.old_logprob = columns.rollout_logprob = old;
    columns.ref_logprob = ref;
    columns.advantage = advantages;
    columns.length = lengths;
    const std::vector<float> no_drift(kept.size(), 0.0f);
    columns.drift = no_drift;
    std::optional<typename Reference<Decoder>::Beside> beside;
    if constexpr (needs_full_kl<AlgorithmType>) beside = reference_->beside(e.rollouts.forest);
    const kernel::HeadReference* reference = beside ? &beside->head : nullptr;
    if constexpr (level_of<F> == Level::token) {
      std::vector<float> weights(all);
      loss::token_weights(algorithm_.aggregation, counts, e.rollouts.offsets, e.rollouts.mask,
                          weights);
      total = token_pass(*actor_, e.rollouts.forest, sequences.rows, objective, columns,
                         keep(weights), settings(), {logprobs, entropies, kls}, reference);
    } else {
      static_assert(level_of<F> == Level::sequence,
                    "hone: the loss of an OnlineTrainer is of single tokens or of sequences");
      std::vector<float> weights(static_cast<std::size_t>(sequences.size()));
      loss::sequence_weights(counts, e.rollouts.offsets, e.rollouts.mask, weights);
      loss::SequenceBatch given;
      given.tokens = columns;
      total = sequence_pass(*actor_, e.rollouts.forest, sequences, objective, given, weights,
                            settings(), {logprobs, entropies, kls}, reference);
    }
    columns.logprob = logprobs;
    columns.entropy = entropies;
    columns.full_kl = kls;
    metrics.add(loss::policy_metrics(policy_loss(algorithm_), columns,
                                     std::vector<float>(kept.size(), 1.0f)));
    return total;
  }

  static std::vector<float> row_lengths(const SequenceRows& sequences) {
    std::vector<float> out;
    for (std::int64_t s = 0; s < sequences.size(); ++s)
      out.insert(out.end(), static_cast<std::size_t>(sequences.length(s)),
                 static_cast<float>(sequences.length(s)));
    return out;
  }

  // The value loss is a mean over the sampled tokens of the minibatch.
  OrderFreeSum<> critic_pass(const Experience& e, const loss::Counts& counts) {
    const HeadRows rows = answer_rows(e.rollouts);
    const auto n = static_cast<std::size_t>(e.rollouts.rows());
    std::vector<float> weights(n), values(n), slopes(n);
    loss::token_weights(loss::TokenMean{}, counts, e.rollouts.offsets, e.rollouts.mask, weights);
    OrderFreeSum<> total;
    scalar_pass(critic_, e.rollouts.forest,
                [&](std::span<const float> scalar, std::span<float> d_scalar) {
                  for (std::size_t r = 0; r < n; ++r)
                    values[r] = scalar[static_cast<std::size_t>(rows.hidden[r])];
                  ValueInputs<loss::Column> columns;
                  columns.value = values;
                  columns.old_value = e.values;
                  columns.ret = e.returns;
                  ValueInputs<loss::Derivative> d;
                  d.value = slopes;
                  total = loss::evaluate(algorithm_.value_loss, columns, weights, d);
                  for (std::size_t r = 0; r < n; ++r)
                    d_scalar[static_cast<std::size_t>(rows.hidden[r])] += slopes[r];
                },
                {.checkpoint_activations = options_.checkpoint_activations});
    return total;
  }

  static double explained_variance(std::span<const float> values, std::span<const float> returns) {
    double mean = 0, error_mean = 0, variance = 0, error = 0;
    const double n = static_cast<double>(std::max<std::size_t>(1, returns.size()));
    for (std::size_t r = 0; r < returns.size(); ++r) {
      mean += static_cast<double>(returns[r]) / n;
      error_mean += (static_cast<double>(returns[r]) - static_cast<double>(values[r])) / n;
    }
    for (std::size_t r = 0; r < returns.size(); ++r) {
      const double d = static_cast<double>(returns[r]) - mean;
      const double x =
          static_cast<double>(returns[r]) - static_cast<double>(values[r]) - error_mean;
      variance += d * d;
      error += x * x;
    }
    return variance > 0 ? 1.0 - error / variance : 0.0;
  }

  Decoder* actor_;
  [[no_unique_address]] Critic critic_;
  Reward reward_;
  AlgorithmType algorithm_;
  OnlineOptions options_;
  rollout::Engine<Decoder> engine_;
  rollout::Decode decode_;
  std::vector<float> greedy_scores_;
  std::optional<Reference<Decoder>> reference_;
  ParameterList actor_parameters_, critic_parameters_;
  State state_;
};

template <class Decoder, class Reward, class A>
OnlineTrainer(Decoder&, Reward, A) -> OnlineTrainer<Decoder, Reward, A>;
template <class Decoder, class Reward, class A>
OnlineTrainer(Decoder&, Reward, A, OnlineOptions) -> OnlineTrainer<Decoder, Reward, A>;
template <class Decoder, class Backbone, class Reward, class A>
OnlineTrainer(Decoder&, ScalarModel<Backbone>, Reward, A)
    -> OnlineTrainer<Decoder, Reward, A, ScalarModel<Backbone>>;
template <class Decoder, class Backbone, class Reward, class A>
OnlineTrainer(Decoder&, ScalarModel<Backbone>, Reward, A, OnlineOptions)
    -> OnlineTrainer<Decoder, Reward, A, ScalarModel<Backbone>>;

}  // namespace train

using train::OnlineTrainer;

}  // namespace v0
}  // namespace hone
