// Learning from one's own samples: PPO, GRPO, RLOO and every other composition.
//
//   hone::OnlineTrainer trainer{actor, reward, algorithm, {.group_size = 8, .seed = 1}};
//   for (int i = 0; i < 100; ++i) std::cout << trainer.step(prompts);
//
// One step is the sentence that names the library's rooms: sample answers, judge them, penalise the
// distance to the reference, estimate advantages, update. What a composition does not need does not
// exist in its type: no critic unless the advantage reads values, no reference unless a penalty or
// the loss reads one. Log-probabilities of the rollout are those of training bit for bit, so no
// pass computes them again, unless somebody else sampled:
//
//   trainer.learn(rollout::collect(requests, answers));   // of another engine, precision, version
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "hone/advantage/company.hpp"
#include "hone/core/error.hpp"
#include "hone/core/math.hpp"
#include "hone/core/type_name.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/kl/none.hpp"
#include "hone/loss/aggregation.hpp"
#include "hone/loss/metrics.hpp"
#include "hone/model/buffer.hpp"
#include "hone/rollout/engine.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/actor_pass.hpp"
#include "hone/train/algorithm.hpp"
#include "hone/train/critic_pass.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/frozen.hpp"
#include "hone/train/greedy_scores.hpp"
#include "hone/train/make_experience.hpp"
#include "hone/train/minibatches.hpp"
#include "hone/train/networks.hpp"
#include "hone/train/online_options.hpp"
#include "hone/train/parameters.hpp"
#include "hone/train/phase_times.hpp"
#include "hone/train/ptx_pass.hpp"
#include "hone/train/reference.hpp"
#include "hone/train/report.hpp"
#include "hone/train/shared_layers.hpp"
#include "hone/train/update_metrics.hpp"
#include "hone/train/visit_state.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// Stands where a composition has no critic.
struct NoCritic {};

// A critic with the parameters that its optimiser moves.
template <class Critic>
struct CriticSide {
  Critic model;
  ParameterList parameters;
};

// Stands where a composition reads no reference: there is nothing that a pass could be asked of.
struct NoReference {};

template <class DecoderType, class Reward, class AlgorithmType, class Critic = NoCritic>
class OnlineTrainer {
 public:
  using Decoder = DecoderType;
  using Composition = AlgorithmType;
  using Experience = train::Experience<AlgorithmType>;
  static constexpr bool has_critic = needs_critic<AlgorithmType>;
  static constexpr bool has_reference = needs_reference<AlgorithmType>;
  static constexpr bool has_greedy_baseline = needs_greedy_baseline<AlgorithmType>;
  static constexpr bool has_ptx = needs_ptx<AlgorithmType>;
  static_assert(!needs_score_components<AlgorithmType> || GivesParts<Reward>,
                "hone: Algorithm's .advantage reads the parts of a reward, and this reward gives "
                "one score: return a reward::Breakdown, as reward::OnText{reward::Sum{...}, "
                "decode} does, or a struct with `scores` and `parts`");
  using State = OnlineState<kl_state<AlgorithmType>, loss_state<AlgorithmType>, has_critic>;

  // `reward(rollouts)` returns a score for each answer, [S], or a reward::Breakdown of them.
  OnlineTrainer(std::type_identity_t<Decoder>& actor, std::type_identity_t<Reward> reward,
                std::type_identity_t<AlgorithmType> algorithm,
                OnlineOptions options = {}) requires(!has_critic)
      : OnlineTrainer(Private{}, actor, CriticPart{}, std::move(reward), std::move(algorithm),
                      std::move(options)) {}

  // The same with the critic that the advantage reads.
  OnlineTrainer(std::type_identity_t<Decoder>& actor, std::type_identity_t<Critic> critic,
                std::type_identity_t<Reward> reward, std::type_identity_t<AlgorithmType> algorithm,
                OnlineOptions options = {}) requires(has_critic)
      : OnlineTrainer(Private{}, actor, CriticPart{std::move(critic), {}}, std::move(reward),
                      std::move(algorithm), std::move(options)) {}

  // One rollout phase and the updates that follow from it.
  Report step(std::span<const rollout::Request> prompts) {
    Report report;
    report.step = state_.step;
    Experience experience = judge(sample(prompts, report), report);
    finish(experience, report);
    return report;
  }

  // One step from answers of another sampler, whose log-probabilities `rollouts` holds as it
  // reported them, at the temperature of the options. Those of the actor are computed here. A loss
  // weighs one by the other where it says so (loss/importance_sampling.hpp). The order of the trees
  // changes no weight.
  Report learn(rollout::Rollouts rollouts) {
    Report report;
    report.step = state_.step;
    times_ = {};
    report_lengths(rollouts, report);
    const Experience judged = judge(std::move(rollouts), report);
    Experience experience = judged.pick(judged.rollouts.forest.canonical_order());
    recall(experience, report);
    finish(experience, report);
    return report;
  }

  // Samples group_size answers to each prompt from the actor as it is.
  rollout::Rollouts sample(std::span<const rollout::Request> prompts, Report& report) {
    times_ = {};
    const Timed timed(times_.rollout);
    const auto requests = asked(prompts);
    const auto generation = generation_at(static_cast<std::uint64_t>(state_.step));
    const auto answers = engine_.generate(requests, generation, decode_);
    rollout::Rollouts rollouts = rollout::collect(requests, answers);
    report_lengths(rollouts, report);
    times_.tokens = std::count(rollouts.mask.begin(), rollouts.mask.end(), 1);
    model::Buffer::trim();  // keys and values; what the next phase needs has other sizes
    return rollouts;
  }

  // Scores of the answers, log-probabilities under the reference, values.
  Experience judge(rollout::Rollouts rollouts, Report& report) {
    const Timed timed(times_.score);
    Experience e;
    require(rollouts.answers() > 0, "OnlineTrainer: there is no answer to learn from");
    e.rollouts = std::move(rollouts);
    read_trunk(e);
    if constexpr (has_greedy_baseline)
      e.greedy_scores =
          greedy_scores(e.rollouts, reward_, generation_at(static_cast<std::uint64_t>(state_.step)),
                        options_.score_clip, [this](const auto& requests, const auto& generation) {
                          return engine_.generate(requests, generation, decode_);
                        });
    read_scores(reward_, e, options_.score_clip, report);
    if constexpr (has_reference) read_reference(e);
    if constexpr (has_critic) read_values(critic_.model, e, options_.microbatch_tokens);
    model::Buffer::trim();
    return e;
  }

  // Log-probabilities of the actor as it is, for answers that another sampler gave.
  void recall(Experience& e, Report& report) {
    const Timed timed(times_.score);
    const auto now = [this](const auto&... what) { return score(*actor_, what...).logprobs; };
    e.old_logprobs = answer_logprobs(now, e, options_.microbatch_tokens, options_.pass());
    report.set("rollout/sampler_kl", distance_to_sampler(e).per_token);
  }

  // Token rewards: the score at the end of each answer, and the penalty where it acts on rewards.
  void penalise(Experience& e, Report& report) {
    const Timed timed(times_.score);
    e.token_rewards.assign(static_cast<std::size_t>(e.rollouts.rows()), 0.0f);
    if constexpr (has_reference) {
      e.distance = distance_to_reference(e);
      report.set("reward/kl", e.distance.per_sequence);
      if constexpr (has_penalty) {
        const auto penalty = algorithm_.kl.with(state_.kl);
        report.set("reward/kl_coef", static_cast<double>(penalty.coef));
        if constexpr (penalises_reward<AlgorithmType>) penalise_tokens(penalty, e);
      }
    }
    place_scores(e.rollouts, e.scores, e.token_rewards);
  }

  void estimate(Experience& e, Report& report) {
    const Timed timed(times_.score);
    estimate_advantages(algorithm_.advantage, e, options_.truncation_is_end);
    if constexpr (has_critic)
      report.set("value/explained_variance",
                 explained_variance(e.values, e.returns, e.rollouts.mask));
  }

  // ppo_epochs passes over the experience, in minibatches of whole trees.
  void update(const Experience& e, Report& report) {
    const Timed timed(times_.update);
    UpdateMetrics<AlgorithmType> metrics;
    bool stopped = false;
    for (std::int32_t epoch = 0; epoch < options_.ppo_epochs && !stopped; ++epoch)
      for (const auto& trees : minibatches(e.rollouts.forest.trees(), options_.minibatches,
                                           {.seed = options_.seed,
                                           .step = static_cast<std::uint64_t>(state_.step),
                                           .sequence = static_cast<std::uint64_t>(epoch),
                                           .stream = 1}))
        if ((stopped = !update_minibatch(e.pick(trees), metrics))) break;
    model::Buffer::trim();
    bool ptx = false;
    if constexpr (has_ptx) ptx = algorithm_.ptx.coef != 0.0f;
    metrics.write(ptx, report);
    report.set("update/stopped_early", stopped);
    report.set("update/lr", static_cast<double>(
                                options_.schedule(std::max<std::int64_t>(0, state_.updates - 1))));
    if constexpr (steers_loss<AlgorithmType>) steer(e, report);
  }

  // Scores, lengths and KL of answers to held-out prompts, drawn with the same random numbers
  // whenever it is asked. Nothing is learnt, and a reward's state is left as it is.
  Report evaluate(std::span<const rollout::Request> prompts) {
    Report report;
    report.step = state_.step;
    const auto requests = asked(prompts);
    Experience e;
    e.rollouts = rollout::collect(
        requests, engine_.generate(requests, generation_at(evaluation_step), decode_));
    report_lengths(e.rollouts, report);
    Reward reward = reward_;
    const detail::KeptState kept(reward);  // a copy of a std::ref is no copy of what it refers to
    read_scores(reward, e, options_.score_clip, report);
    if constexpr (has_reference) {
      read_reference(e);
      report.set("reward/kl", distance_to_reference(e).per_sequence);
    }
    return report;
  }

  // Exchanges weights and averages; see Averaged in train/evaluation.hpp.
  void swap_averages() {
    require(options_.ema.has_value(), "OnlineTrainer: there are no averages, set options.ema");
    Ema::swap(actor_parameters_, state_.ema);
    actor_->touch();
  }

  // Lists to a visitor of checkpoint/run_state.hpp what a run is and what it carries.
  template <class V>
  void visit_state(V& v) {
    v.expect("composition", checkpoint::described(algorithm_));
    v.expect("options", described(options_));
    v.expect("frozen", checkpoint::described(frozen()));
    v.value("step", state_.step);
    v.value("updates", state_.updates);
    v.value("kl", state_.kl);
    v.value("loss", state_.loss);
    detail::visit_reward(v, reward_);
    detail::visit_weights(v, "actor/weights/", actor_parameters_);
    detail::visit_adamw(v, "actor/", actor_parameters_, state_.optimizer);
    detail::visit_ema(v, "actor/", actor_parameters_, state_.ema);
    if constexpr (has_critic) {
      detail::visit_weights(v, "critic/weights/", critic_.parameters);
      detail::visit_adamw(v, "critic/", critic_.parameters, state_.critic_optimizer);
    }
    if (detail::applies(v)) {
      actor_->touch();
      if constexpr (has_critic) critic_.model.decoder->touch();
    }
  }

  // Of the phases since the last answers were sampled.
  const PhaseTimes& times() const { return times_; }

  const State& state() const { return state_; }
  State& state() { return state_; }
  const OnlineOptions& options() const { return options_; }
  const AlgorithmType& algorithm() const { return algorithm_; }
  Decoder& actor() { return *actor_; }

  // The parameters that the actor's (the critic's) optimiser moves, in the order of its state.
  const ParameterList& actor_parameters() const { return actor_parameters_; }
  const ParameterList& critic_parameters() const requires(has_critic) { return critic_.parameters; }

  // Words of tokens, for stop strings.
  void set_decode(rollout::Decode decode) { decode_ = std::move(decode); }

 private:
  struct Private {};
  using CriticPart = std::conditional_t<has_critic, CriticSide<Critic>, NoCritic>;
  static constexpr bool has_penalty = !std::is_same_v<decltype(AlgorithmType::kl), kl::None>;

  OnlineTrainer(Private, DecoderType& actor, CriticPart critic, Reward reward,
                AlgorithmType algorithm, OnlineOptions options)
      : actor_(&actor),
        critic_(std::move(critic)),
        reward_(std::move(reward)),
        algorithm_(std::move(algorithm)),
        options_(std::move(options)),
        engine_(actor),
        actor_parameters_(trainable_parameters(actor)) {
    require(options_.group_size > 0, "OnlineOptions: group_size is ", options_.group_size,
            ", expected a positive number");
    require(options_.group_size > 1 || !advantage::needs_company(algorithm_.advantage),
            "OnlineOptions: group_size is ", options_.group_size,
            ", expected at least 2: ", type_name<decltype(algorithm_.advantage)>,
            " compares the answers to one prompt, and gives one that is alone the advantage 0 "
            "whatever its score");
    require(options_.generation.sampling.temperature > 0,
            "OnlineOptions: generation.sampling.temperature is ",
            options_.generation.sampling.temperature,
            ", expected above 0: greedy answers have no policy gradient");
    require(!actor_parameters_.empty(),
            "OnlineTrainer: the actor has no trainable parameter; call train_from_layer or attach");
    if constexpr (has_critic)
      for_each_network(reward_, [&learns = *critic_.model.decoder](const auto& judge) {
        if constexpr (requires { judge.moves_with(learns); })
          require(!judge.moves_with(learns),
                  "OnlineTrainer: the critic learns weights that the reward model reads, so scores "
                  "would drift; give it a copy, or adapters and set RewardModel::adapters to "
                  "false, as train::FourNetworks does");
      });
    check_algorithm(algorithm_);
    if constexpr (has_reference) reference_.emplace(actor);
    if constexpr (has_critic) {
      critic_.parameters = trainable_parameters(*critic_.model.decoder);
      critic_.model.head->for_each_parameter([&](auto& p) {
        if (p.trainable()) critic_.parameters.push_back(&p);
      });
      require(!critic_.parameters.empty(), "OnlineTrainer: the critic has no trainable parameter");
    }
    if constexpr (has_penalty) state_.kl = kl::start(algorithm_.kl.coef);
    if constexpr (steers_loss<AlgorithmType>) state_.loss = kl::start(algorithm_.loss.coef);
  }

  // What follows once answers are judged.
  void finish(Experience& e, Report& report) {
    penalise(e, report);
    estimate(e, report);
    update(e, report);
    if constexpr (has_penalty && has_reference)
      state_.kl = kl::next(algorithm_.kl.coef, state_.kl, e.distance);
    ++state_.step;
  }

  // The step of the random numbers of evaluations: one that no run reaches.
  static constexpr std::uint64_t evaluation_step = ~std::uint64_t{0};

  rollout::GenerateOptions generation_at(std::uint64_t step) const {
    rollout::GenerateOptions generation = options_.generation;
    generation.seed = options_.seed;
    generation.step = step;
    return generation;
  }

  std::vector<rollout::Request> asked(std::span<const rollout::Request> prompts) const {
    std::vector<rollout::Request> requests(prompts.begin(), prompts.end());
    for (rollout::Request& r : requests) r.samples = options_.group_size;
    return requests;
  }

  void read_trunk(Experience& e) {
    if (!options_.share_trunk) return;
    if (!shared_layers_) {
      if constexpr (has_critic)
        shared_layers_ = shared_layers(*actor_, reward_, critic_.model);
      else
        shared_layers_ = shared_layers(*actor_, reward_);
    }
    e.trunk_layers = *shared_layers_;
    if (e.trunk_layers == 0) return;
    for_each_microbatch(e.rollouts.forest, options_.microbatch_tokens, [&](auto first, auto last) {
      const std::vector<float> part =
          trunk_states(*actor_, e.rollouts.forest.slice(first, last), e.trunk_layers);
      e.trunk_states.insert(e.trunk_states.end(), part.begin(), part.end());
    });
  }

  const Reference<Decoder>* reference() const {
    if constexpr (has_reference)
      return &*reference_;
    else
      return nullptr;
  }

  void read_reference(Experience& e) const requires(has_reference) {
    const auto reference = [this](const auto&... what) { return reference_->logprobs(what...); };
    e.ref_logprobs = answer_logprobs(reference, e, options_.microbatch_tokens, options_.pass());
  }

  // All weights that the run reads and does not train; they never change, so once is enough.
  const FrozenWeights& frozen() {
    if (!frozen_) {
      FrozenTally tally;
      tally.add_model(*actor_);
      if constexpr (has_reference)
        if (reference_->copy()) tally.add_model(*reference_->copy());
      if constexpr (has_critic) tally.add_scalar_model(critic_.model);
      for_each_network(reward_, [&](const auto& judge) { tally.add_scalar_model(judge.model); });
      frozen_ = tally.sum();
    }
    return *frozen_;
  }

  // One optimiser step of actor and critic. Both take their gradients into their moments, one after
  // the other so that one gradient is in memory at a time, before any weight moves. A gradient that
  // is not finite throws, and no weight has moved; if it is the critic's, the actor's moments have.
  // False: the KL to the sampling policy is beyond stop_kl, and nothing has been changed.
  bool update_minibatch(const Experience& e, UpdateMetrics<AlgorithmType>& metrics) {
    loss::Counts counts;
    counts.add(e.rollouts.offsets, e.rollouts.mask, cut_off(e.rollouts));
    if (counts.tokens == 0) return true;
    if (!take_in_policy(e, counts, metrics)) return false;
    if constexpr (has_critic) take_in_values(e, counts, metrics);
    options_.optimizer.move(actor_parameters_, state_.optimizer, options_.schedule(state_.updates));
    actor_->touch();
    if (options_.ema) (*options_.ema)(actor_parameters_, state_.ema);
    if constexpr (has_critic) {
      options_.critic_optimizer.move(critic_.parameters, state_.critic_optimizer,
                                     options_.critic_schedule(state_.updates));
      critic_.model.decoder->touch();
    }
    ++metrics.updates;
    ++state_.updates;
    return true;
  }

  // What passes over a part of the experience read beside it.
  PassSettings settings_of(const Experience& part) const {
    PassSettings settings = options_.pass();
    settings.trunk = part.trunk();
    return settings;
  }

  bool take_in_policy(const Experience& e, const loss::Counts& counts,
                      UpdateMetrics<AlgorithmType>& metrics) {
    zero_gradients(actor_parameters_);
    OrderFreeSum<> total;
    loss::PolicyMetrics seen;
    for_each_microbatch(e.rollouts.forest, options_.microbatch_tokens, [&](auto first, auto last) {
      const Experience part = e.slice(first, last);
      total.add(actor_pass(*actor_, reference(), part, algorithm_, state_.kl, state_.loss, counts,
                           settings_of(part), seen));
    });
    metrics.add(seen);
    metrics.loss += total.value();
    if (options_.stop_kl > 0 && seen.approx_kl_mean() > options_.stop_kl) return false;
    if constexpr (has_ptx)
      if (algorithm_.ptx.coef != 0.0f)
        metrics.ptx_loss +=
            ptx_pass(*actor_, algorithm_.ptx.batch(state_.updates), algorithm_.ptx.coef,
                     options_.microbatch_tokens, options_.pass());
    metrics.norm += options_.optimizer.take_in(actor_parameters_, state_.optimizer);
    zero_gradients(actor_parameters_);
    return true;
  }

  void take_in_values(const Experience& e, const loss::Counts& counts,
                      UpdateMetrics<AlgorithmType>& metrics) requires(has_critic) {
    zero_gradients(critic_.parameters);
    OrderFreeSum<> total;
    ValueMetrics seen;
    for_each_microbatch(e.rollouts.forest, options_.microbatch_tokens, [&](auto first, auto last) {
      const Experience part = e.slice(first, last);
      total.add(
          critic_pass(critic_.model, part, algorithm_.value_loss, counts, settings_of(part), seen));
    });
    metrics.add_values(total.value(), seen);
    metrics.value_norm +=
        options_.critic_optimizer.take_in(critic_.parameters, state_.critic_optimizer);
    zero_gradients(critic_.parameters);
  }

  // The coefficient of the policy loss answers to KL(old, pi) as the update leaves it (k3).
  void steer(const Experience& e, Report& report) requires(steers_loss<AlgorithmType>) {
    const auto now = [this](const auto&... what) { return score(*actor_, what...).logprobs; };
    const std::vector<float> logprobs =
        answer_logprobs(now, e, options_.microbatch_tokens, options_.pass());
    const kl::Observed moved = observe(e.rollouts, [&](std::size_t r) {
      const double log_ratio =
          static_cast<double>(logprobs[r]) - static_cast<double>(e.actor_logprobs()[r]);
      return expm1(log_ratio) - log_ratio;
    });
    report.set("policy/kl_after", moved.per_token);
    report.set("policy/penalty_coef",
               static_cast<double>(kl::coefficient(algorithm_.loss.coef, state_.loss)));
    state_.loss = kl::next(algorithm_.loss.coef, state_.loss, moved);
  }

  Decoder* actor_;
  [[no_unique_address]] CriticPart critic_;
  Reward reward_;
  AlgorithmType algorithm_;
  OnlineOptions options_;
  rollout::Engine<Decoder> engine_;
  rollout::Decode decode_;
  [[no_unique_address]] std::conditional_t<has_reference, std::optional<Reference<Decoder>>,
                                           NoReference>
      reference_;
  ParameterList actor_parameters_;
  std::optional<FrozenWeights> frozen_;
  std::optional<std::int64_t> shared_layers_;  // found at the first step
  PhaseTimes times_;
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
