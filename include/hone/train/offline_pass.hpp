// What a part of a batch does under an objective of tokens, answers, pairs or scores: its loss, and
// if it is to be learnt from, its gradients.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "hone/core/inputs.hpp"
#include "hone/core/math.hpp"
#include "hone/core/reads.hpp"
#include "hone/data/batch.hpp"
#include "hone/loss/compared_at.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/loss/kto.hpp"
#include "hone/loss/positions.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/mismatched.hpp"
#include "hone/train/pair_pass.hpp"
#include "hone/train/reference.hpp"
#include "hone/train/scalar_pass.hpp"
#include "hone/train/score.hpp"
#include "hone/train/score_pairs.hpp"
#include "hone/train/sequence_pass.hpp"
#include "hone/train/sequence_rows.hpp"
#include "hone/train/token_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

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

// Sums over the parts of a batch.
struct OfflineSums {
  OrderFreeSum<> loss;
  double correct = 0, margin = 0, chosen = 0, rejected = 0;
  std::int64_t count = 0;  // tokens, answers or pairs
};

// Model is a Decoder, or ScalarModel<Decoder> for objectives of scores.
template <class Model, class ObjectiveType>
class OfflinePass {
 public:
  using Objective = ObjectiveType;
  using Decoder = typename detail::decoder_of<Model>::type;
  static constexpr Level level = level_of<Objective>;
  static constexpr bool scalar = !std::is_same_v<Model, Decoder>;
  static constexpr bool has_reference = detail::reads_reference<Objective>();
  static constexpr bool has_baseline = detail::reads_baseline<Objective>();

  // `margin_scale`: of OfflineOptions.
  OfflinePass(Model& model, Objective objective, PassSettings settings, float margin_scale)
      : model_(&model),
        objective_(std::move(objective)),
        settings_(settings),
        margin_scale_(margin_scale) {
    if constexpr (has_reference) reference_.emplace(decoder());
  }

  // Adds a part's loss to the sums, times `weight` for each token, answer or pair, and its
  // gradients to the model's if `learn`. `baseline` is that of the whole batch.
  void operator()(const data::Batch& part, float weight, double baseline, bool learn,
                  OfflineSums& sums) const {
    if constexpr (level == Level::token)
      token_level(part, weight, learn, sums);
    else if constexpr (level == Level::sequence)
      sequence_level(part, weight, baseline, learn, sums);
    else if constexpr (level == Level::pair)
      pair_level(part, weight, learn, sums);
    else
      score_level(part, weight, learn, sums);
  }

  // What a mean over the batch is over: its trained tokens, answers or pairs.
  static std::int64_t count(const data::Batch& batch) {
    if constexpr (level == Level::token)
      return batch.trained_tokens();
    else if constexpr (level == Level::sequence)
      return static_cast<std::int64_t>(batch.answers().size());
    else
      return static_cast<std::int64_t>(batch.pairs.size());
  }

  // z_0 of KTO: KL(model, reference) of answers under prompts that they do not answer.
  double baseline_of(const data::Batch& batch, std::int64_t microbatch_tokens) const {
    const data::Batch strange = mismatched(batch);
    double sum = 0, answers = 0;
    for_each_microbatch(strange.forest, microbatch_tokens, [&](auto first, auto last) {
      const data::Batch part = strange.slice(first, last);
      const SequenceRows sequences = sequences_of(part, part.answers());
      const auto now = score(*model_, part.forest, sequences.rows, settings_).logprobs;
      const auto before = reference_->logprobs(part.forest, sequences.rows, settings_);
      for (std::size_t r = 0; r < now.size(); ++r)
        sum += static_cast<double>(now[r]) - static_cast<double>(before[r]);
      answers += static_cast<double>(sequences.size());
    });
    return loss::kto_baseline(sum, answers);
  }

  Decoder& decoder() const {
    if constexpr (scalar)
      return *model_->decoder;
    else
      return *model_;
  }
  const Objective& objective() const { return objective_; }
  const std::optional<Reference<Decoder>>& reference() const { return reference_; }

 private:
  void token_level(const data::Batch& batch, float weight, bool learn, OfflineSums& sums) const {
    const HeadRows rows = rows_of(batch.forest, batch.trained);
    const std::vector<float> weights(static_cast<std::size_t>(rows.size()), weight);
    TokenInputs<loss::Column> columns;
    std::vector<float> ref;
    if constexpr (has_reference) {
      ref = reference_->logprobs(batch.forest, rows, settings_);
      columns.ref_logprob = ref;
    }
    if (learn) {
      sums.loss.add(
          token_pass(*model_, batch.forest, rows, objective_, columns, weights, settings_));
    } else {
      Scored scored = score(*model_, batch.forest, rows, settings_, reads<Objective>.entropy);
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

  // Labels are the signs of the scores: a positive score is a desirable answer.
  void sequence_level(const data::Batch& batch, float weight, double baseline, bool learn,
                      OfflineSums& out) const {
    const std::vector<std::int32_t> segments = batch.answers();
    const SequenceRows sequences = sequences_of(batch, segments);
    const std::vector<float> weights(segments.size(), weight);
    loss::SequenceBatch given;
    std::vector<float> ref, labels;
    if constexpr (has_reference) {
      ref = reference_->logprobs(batch.forest, sequences.rows, settings_);
      given.tokens.ref_logprob = ref;
    }
    for (const std::int32_t s : segments)
      labels.push_back(batch.scores[static_cast<std::size_t>(s)] > 0.0f ? 1.0f : 0.0f);
    given.label = labels;
    given.baseline = baseline;
    if (learn) {
      out.loss.add(
          sequence_pass(*model_, batch.forest, sequences, objective_, given, weights, settings_));
    } else {
      const Scored scored = score_rows(batch, sequences);
      complete(given, sequences, scored);
      out.loss.add(loss::evaluate_sequences(objective_, given, weights, {}));
    }
    out.count += static_cast<std::int64_t>(segments.size());
  }

  Scored score_rows(const data::Batch& batch, const SequenceRows& sequences) const {
    return score(*model_, batch.forest, sequences.rows, settings_, true);
  }

  static void complete(loss::SequenceBatch& given, const SequenceRows& sequences,
                       const Scored& scored) {
    given.offsets = sequences.offsets;
    given.tokens.logprob = scored.logprobs;
    given.tokens.entropy = scored.entropies;
  }

  void pair_level(const data::Batch& batch, float weight, bool learn, OfflineSums& out) const {
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
      ref = reference_->logprobs(batch.forest, sequences.rows, settings_);
    given.tokens.ref_logprob = ref;
    std::vector<float> logprobs(ref.size());
    if (learn) {
      out.loss.add(pair_pass(*model_, batch.forest, sequences, pairs, objective_, given, settings_,
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

  void score_level(const data::Batch& batch, float weight, bool learn, OfflineSums& out) const {
    if constexpr (scalar) {
      std::vector<std::int32_t> better, worse;
      for (const auto& [b, w] : batch.pairs) {
        better.push_back(b);
        worse.push_back(w);
      }
      const auto chosen_end = end_tokens(batch.forest, better);
      const auto rejected_end = end_tokens(batch.forest, worse);
      const std::vector<loss::ScorePair> comparisons =
          score_pairs(batch, loss::positions_of(objective_), margin_scale_, weight);
      const auto judge = [&](std::span<const float> scalar_of, std::span<float> slope_of) {
        for (std::size_t i = 0; i < better.size(); ++i)
          add_pair(static_cast<double>(scalar_of[static_cast<std::size_t>(chosen_end[i])]),
                   static_cast<double>(scalar_of[static_cast<std::size_t>(rejected_end[i])]), out);
        out.loss.add(loss::evaluate_scores(objective_, scalar_of, comparisons, slope_of));
      };
      if (learn)
        scalar_pass(*model_, batch.forest, judge, settings_);
      else
        judge(scalars(*model_, batch.forest, settings_), {});
    }
  }

  static void add_pair(double better, double worse, OfflineSums& sums) {
    sums.correct += better > worse ? 1.0 : better == worse ? 0.5 : 0.0;
    sums.margin += better - worse;
    sums.chosen += better;
    sums.rejected += worse;
    ++sums.count;
  }

  Model* model_;
  Objective objective_;
  PassSettings settings_;
  float margin_scale_;
  std::optional<Reference<Decoder>> reference_;
};

}  // namespace train
}  // namespace v0
}  // namespace hone
