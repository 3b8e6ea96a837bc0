// Learning from a data set: SFT, reward models, DPO and kin.
//
//   hone::OfflineTrainer sft{decoder, loss::Nll{}, {.schedule = {.peak = 5e-5f, .total = 70}}};
//   for (std::int64_t s = 0; s < 70; ++s) report << sft.step(loader.batch(s));
//
// What the objective is a function of decides what a step does: tokens (Nll), pairs of answers
// (Dpo), single labelled answers (Kto), or the scores that a model with a scalar head gives
// (BradleyTerry: the scores at the ends, unless ComparedAt names other positions). A reference
// model exists if, and only if, the objective reads its log-probabilities. Denominators are those
// of the whole batch, so micro-batches change no bit; trees are added up in their canonical order,
// so a permuted batch changes none either.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "hone/checkpoint/described.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/reads.hpp"
#include "hone/data/batch.hpp"
#include "hone/loss/compared_at.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/loss/kto.hpp"
#include "hone/loss/positions.hpp"
#include "hone/train/adamw.hpp"
#include "hone/train/ema.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/frozen.hpp"
#include "hone/train/mismatched.hpp"
#include "hone/train/pair_pass.hpp"
#include "hone/train/parameters.hpp"
#include "hone/train/reference.hpp"
#include "hone/train/report.hpp"
#include "hone/train/scalar_pass.hpp"
#include "hone/train/schedule.hpp"
#include "hone/train/score_pairs.hpp"
#include "hone/train/sequence_pass.hpp"
#include "hone/train/token_pass.hpp"
#include "hone/train/visit_state.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct OfflineOptions {
  AdamW optimizer = {};
  Schedule schedule = {.peak = 1e-5f, .decay = Decay::constant};
  std::int64_t microbatch_tokens = 8192;  // per forward and backward pass; changes no bit
  // The margin of a pair in a reward model's loss is this times the difference of the two answers'
  // scores in the data; for data whose scores are ratings.
  float margin_scale = 0.0f;
  bool checkpoint_activations = false;
  std::optional<Ema> ema = {};
};

// What of the options decides a run's bits, for its checkpoints.
inline checkpoint::Json described(const OfflineOptions& options) {
  checkpoint::Json out = checkpoint::described(options);
  for (const char* free : {"microbatch_tokens", "checkpoint_activations"}) out.erase(free);
  return out;
}

// Saved and restored as a whole.
struct OfflineState {
  std::int64_t step = 0;
  AdamW::State optimizer;
  Ema::State ema;
};

namespace detail {

template <class Objective>
constexpr bool reads_reference() {
  if constexpr (level_of<Objective> == Level::token || level_of<Objective> == Level::sequence)
    return reads<Objective>.ref_logprob;
  else if constexpr (level_of<Objective> == Level::pair)
    return reads<Objective>.chosen.ref_logprob || reads<Objective>.rejected.ref_logprob;
  else
    return false;
}

template <class Objective>
constexpr bool reads_baseline() {
  if constexpr (level_of<Objective> == Level::sequence)
    return reads<Objective>.baseline;
  else
    return false;
}

// A decoder, or what holds one.
template <class Model>
struct decoder_of {
  using type = Model;
};
template <class Decoder>
struct decoder_of<ScalarModel<Decoder>> {
  using type = Decoder;
};

}  // namespace detail

// Model is a Decoder, or ScalarModel<Decoder> for objectives of scores.
template <class Model, class ObjectiveType>
class OfflineTrainer {
 public:
  using Objective = ObjectiveType;
  using Decoder = typename detail::decoder_of<Model>::type;
  static constexpr Level level = level_of<Objective>;
  static constexpr bool scalar = !std::is_same_v<Model, Decoder>;
  static constexpr bool has_reference = detail::reads_reference<Objective>();
  static constexpr bool has_baseline = detail::reads_baseline<Objective>();
  static_assert(
      level != Level::value,
      "hone: a value loss belongs to an Algorithm; give it to OnlineTrainer as value_loss");
  static_assert((level == Level::score) == scalar,
                "hone: an objective of scores is trained on a ScalarModel{&decoder, &head}, every "
                "other objective on the decoder itself");

  OfflineTrainer(Model& model, Objective objective, OfflineOptions options = {})
      : model_(&model),
        objective_(std::move(objective)),
        options_(std::move(options)),
        parameters_(trainable_parameters(decoder())) {
    if constexpr (scalar)
      model.head->for_each_parameter([this](auto& p) {
        if (p.trainable()) parameters_.push_back(&p);
      });
    require(
        !parameters_.empty(),
        "OfflineTrainer: the model has no trainable parameter; call train_from_layer or attach");
    if constexpr (has_reference) reference_.emplace(decoder());
  }

  // Gradients over the batch, then one optimiser step.
  Report step(const data::Batch& batch) {
    zero_gradients(parameters_);
    Report report = accumulate(batch, true);
    report.step = state_.step;
    const float lr = options_.schedule(state_.step);
    const auto result = options_.optimizer(parameters_, state_.optimizer, lr);
    decoder().touch();
    if (options_.ema) (*options_.ema)(parameters_, state_.ema);
    report.set("update/grad_norm", result.gradient_norm);
    report.set("update/lr", static_cast<double>(lr));
    ++state_.step;
    return report;
  }

  // Loss and metrics of a batch, without learning from it.
  Report evaluate(const data::Batch& batch) { return accumulate(batch, false); }

  // Exchanges weights and averages; see Averaged in train/evaluation.hpp.
  void swap_averages() {
    require(options_.ema.has_value(), "OfflineTrainer: there are no averages, set options.ema");
    Ema::swap(parameters_, state_.ema);
    decoder().touch();
  }

  // Lists to a visitor of checkpoint/run_state.hpp what a run is and what it carries.
  template <class V>
  void visit_state(V& v) {
    v.expect("objective", checkpoint::described(objective_));
    v.expect("options", described(options_));
    v.expect("frozen", checkpoint::described(frozen()));
    v.value("step", state_.step);
    detail::visit_weights(v, "weights/", parameters_);
    detail::visit_adamw(v, "", parameters_, state_.optimizer);
    detail::visit_ema(v, "", parameters_, state_.ema);
    if (detail::applies(v)) decoder().touch();
  }

  const OfflineState& state() const { return state_; }
  OfflineState& state() { return state_; }
  const OfflineOptions& options() const { return options_; }
  const ParameterList& parameters() const { return parameters_; }

 private:
  Decoder& decoder() {
    if constexpr (scalar)
      return *model_->decoder;
    else
      return *model_;
  }

  PassSettings settings() const {
    return {.checkpoint_activations = options_.checkpoint_activations};
  }

  // All weights that the run reads and does not train; they never change, so once is enough.
  const FrozenWeights& frozen() {
    if (!frozen_) {
      FrozenTally tally;
      tally.add_model(decoder());
      if constexpr (scalar) model_->head->for_each_parameter([&](const auto& p) { tally.add(p); });
      if constexpr (has_reference)
        if (reference_->copy()) tally.add_model(*reference_->copy());
      frozen_ = tally.sum();
    }
    return *frozen_;
  }

  struct Sums {
    OrderFreeSum<> loss;
    double correct = 0, margin = 0, chosen = 0, rejected = 0;
    std::int64_t count = 0;  // tokens, answers or pairs
  };

  Report accumulate(const data::Batch& given, bool learn) {
    const data::Batch batch = given.canonical();
    Sums sums;
    const std::int64_t count = count_of(batch);
    require(count > 0, "OfflineTrainer: a batch of ", batch.forest.trees(),
            " trees holds nothing that this objective can learn from");
    if constexpr (has_baseline) baseline_ = baseline_of(batch);
    for_each_microbatch(batch.forest, options_.microbatch_tokens, [&](auto first, auto last) {
      pass(batch.slice(first, last), 1.0f / static_cast<float>(count), learn, sums);
    });
    Report report;
    const double n = static_cast<double>(std::max<std::int64_t>(1, sums.count));
    report.set("loss", sums.loss.value());
    if constexpr (level == Level::pair || level == Level::score) {
      report.set("rewards/accuracy", sums.correct / n);
      report.set("rewards/margin", sums.margin / n);
      report.set("rewards/chosen", sums.chosen / n);
      report.set("rewards/rejected", sums.rejected / n);
      report.set("pairs", static_cast<double>(sums.count));
    } else {
      report.set("tokens", static_cast<double>(sums.count));
    }
    if constexpr (has_baseline) report.set("loss/kto_baseline", baseline_);
    return report;
  }

  static std::int64_t count_of(const data::Batch& batch) {
    if constexpr (level == Level::token)
      return batch.trained_tokens();
    else if constexpr (level == Level::sequence)
      return static_cast<std::int64_t>(batch.answers().size());
    else
      return static_cast<std::int64_t>(batch.pairs.size());
  }

  void pass(const data::Batch& batch, float weight, bool learn, Sums& sums) {
    if constexpr (level == Level::token)
      token_level(batch, weight, learn, sums);
    else if constexpr (level == Level::sequence)
      sequence_level(batch, weight, learn, sums);
    else if constexpr (level == Level::pair)
      pair_level(batch, weight, learn, sums);
    else
      score_level(batch, weight, learn, sums);
  }

  void token_level(const data::Batch& batch, float weight, bool learn, Sums& sums) {
    const HeadRows rows = rows_of(batch.forest, batch.trained);
    const std::vector<float> weights(static_cast<std::size_t>(rows.size()), weight);
    TokenInputs<loss::Column> columns;
    std::vector<float> ref, now;
    if constexpr (has_reference) {
      ref = reference_->logprobs(batch.forest, rows, settings());
      columns.ref_logprob = ref;
    }
    if (learn) {
      sums.loss.add(
          token_pass(*model_, batch.forest, rows, objective_, columns, weights, settings()));
    } else {
      Scored scored = score(*model_, batch.forest, rows, settings(), reads<Objective>.entropy);
      columns.logprob = scored.logprobs;
      columns.entropy = scored.entropies;
      sums.loss.add(loss::evaluate(objective_, columns, weights, {}));
    }
    sums.count += rows.size();
  }

  static SequenceRows sequences_of(const data::Batch& batch,
                                   std::span<const std::int32_t> segments) {
    SequenceRows out;
    for (const std::int32_t s : segments) out.add(batch.forest, s, batch.trained);
    return out;
  }

  // z_0 of KTO: KL(model, reference) of answers under prompts that they do not answer.
  double baseline_of(const data::Batch& batch) {
    const data::Batch strange = mismatched(batch);
    double sum = 0, answers = 0;
    for_each_microbatch(strange.forest, options_.microbatch_tokens, [&](auto first, auto last) {
      const data::Batch part = strange.slice(first, last);
      const SequenceRows sequences = sequences_of(part, part.answers());
      const auto now = score(*model_, part.forest, sequences.rows, settings()).logprobs;
      const auto before = reference_->logprobs(part.forest, sequences.rows, settings());
      for (std::size_t r = 0; r < now.size(); ++r)
        sum += static_cast<double>(now[r]) - static_cast<double>(before[r]);
      answers += static_cast<double>(sequences.size());
    });
    return loss::kto_baseline(sum, answers);
  }

  // Labels are the signs of the scores: a positive score is a desirable answer.
  void sequence_level(const data::Batch& batch, float weight, bool learn, Sums& out) {
    const std::vector<std::int32_t> segments = batch.answers();
    const SequenceRows sequences = sequences_of(batch, segments);
    const std::vector<float> weights(segments.size(), weight);
    loss::SequenceBatch given;
    std::vector<float> ref, labels;
    if constexpr (has_reference) {
      ref = reference_->logprobs(batch.forest, sequences.rows, settings());
      given.tokens.ref_logprob = ref;
    }
    for (const std::int32_t s : segments)
      labels.push_back(batch.scores[static_cast<std::size_t>(s)] > 0.0f ? 1.0f : 0.0f);
    given.label = labels;
    given.baseline = baseline_;
    if (learn) {
      out.loss.add(
          sequence_pass(*model_, batch.forest, sequences, objective_, given, weights, settings()));
    } else {
      const Scored scored = score_rows(batch, sequences);
      complete(given, sequences, scored);
      out.loss.add(loss::evaluate_sequences(objective_, given, weights, {}));
    }
    out.count += static_cast<std::int64_t>(segments.size());
  }

  Scored score_rows(const data::Batch& batch, const SequenceRows& sequences) {
    return score(*model_, batch.forest, sequences.rows, settings(), true);
  }

  static void complete(loss::SequenceBatch& given, const SequenceRows& sequences,
                       const Scored& scored) {
    given.offsets = sequences.offsets;
    given.tokens.logprob = scored.logprobs;
    given.tokens.entropy = scored.entropies;
  }

  void pair_level(const data::Batch& batch, float weight, bool learn, Sums& out) {
    const std::vector<std::int32_t> segments = batch.answers();
    std::vector<std::int32_t> number(batch.forest.segments().size(), -1);
    for (std::size_t i = 0; i < segments.size(); ++i)
      number[static_cast<std::size_t>(segments[i])] = static_cast<std::int32_t>(i);
    const SequenceRows sequences = sequences_of(batch, segments);
    std::vector<loss::Pair> pairs;
    for (const auto& [better, worse] : batch.pairs)
      pairs.push_back({.chosen = number[static_cast<std::size_t>(better)],
                       .rejected = number[static_cast<std::size_t>(worse)],
                       .weight = weight});
    loss::SequenceBatch given;
    std::vector<float> ref(static_cast<std::size_t>(sequences.rows.size()), 0.0f);
    if constexpr (has_reference)
      ref = reference_->logprobs(batch.forest, sequences.rows, settings());
    given.tokens.ref_logprob = ref;
    std::vector<float> logprobs(ref.size());
    if (learn) {
      out.loss.add(pair_pass(*model_, batch.forest, sequences, pairs, objective_, given, settings(),
                             {.logprobs = logprobs})
                       .loss);
    } else {
      const Scored scored = score_rows(batch, sequences);
      complete(given, sequences, scored);
      out.loss.add(loss::evaluate_pairs(objective_, given, pairs, {}).loss);
      logprobs = scored.logprobs;
    }
    const std::vector<float> now = sums(sequences, logprobs), before = sums(sequences, ref);
    const auto reward = [&](std::int32_t s) {
      SequenceInputs<double> in;
      in.logprob = static_cast<double>(now[static_cast<std::size_t>(s)]);
      in.ref_logprob = static_cast<double>(before[static_cast<std::size_t>(s)]);
      in.length = static_cast<double>(sequences.length(s));
      return implicit_reward(in);
    };
    for (const loss::Pair& p : pairs) add_pair(reward(p.chosen), reward(p.rejected), out);
  }

  // What an objective of pairs takes as the reward of an answer.
  double implicit_reward(const SequenceInputs<double>& s) const {
    if constexpr (requires { objective_.reward(s); })
      return objective_.reward(s);
    else if constexpr (requires { objective_.beta * 1.0; })
      return static_cast<double>(objective_.beta) * (s.logprob - s.ref_logprob);
    else
      return s.logprob - s.ref_logprob;
  }

  void score_level(const data::Batch& batch, float weight, bool learn, Sums& out) {
    if constexpr (scalar) {
      std::vector<std::int32_t> better, worse;
      for (const auto& [b, w] : batch.pairs) {
        better.push_back(b);
        worse.push_back(w);
      }
      const auto chosen_end = end_tokens(batch.forest, better);
      const auto rejected_end = end_tokens(batch.forest, worse);
      const std::vector<loss::ScorePair> comparisons =
          score_pairs(batch, loss::positions_of(objective_), options_.margin_scale, weight);
      const auto judge = [&](std::span<const float> scalar_of, std::span<float> slope_of) {
        for (std::size_t i = 0; i < better.size(); ++i)
          add_pair(static_cast<double>(scalar_of[static_cast<std::size_t>(chosen_end[i])]),
                   static_cast<double>(scalar_of[static_cast<std::size_t>(rejected_end[i])]), out);
        out.loss.add(loss::evaluate_scores(objective_, scalar_of, comparisons, slope_of));
      };
      if (learn)
        scalar_pass(*model_, batch.forest, judge, settings());
      else
        judge(scalars(*model_, batch.forest, settings()), {});
    }
  }

  static void add_pair(double better, double worse, Sums& sums) {
    sums.correct += better > worse ? 1.0 : better == worse ? 0.5 : 0.0;
    sums.margin += better - worse;
    sums.chosen += better;
    sums.rejected += worse;
    ++sums.count;
  }

  Model* model_;
  Objective objective_;
  OfflineOptions options_;
  ParameterList parameters_;
  std::optional<Reference<Decoder>> reference_;
  OfflineState state_;
  std::optional<FrozenWeights> frozen_;
  double baseline_ = 0.0;  // KTO's z_0 of the batch at hand
};

}  // namespace train

using train::OfflineTrainer;

}  // namespace v0
}  // namespace hone
