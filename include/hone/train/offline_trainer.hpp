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

#include <algorithm>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "hone/checkpoint/described.hpp"
#include "hone/data/batch.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/frozen.hpp"
#include "hone/train/offline_options.hpp"
#include "hone/train/offline_pass.hpp"
#include "hone/train/parameters.hpp"
#include "hone/train/report.hpp"
#include "hone/train/visit_state.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// Model is a Decoder, or ScalarModel<Decoder> for objectives of scores.
template <class Model, class ObjectiveType>
class OfflineTrainer {
 public:
  using Objective = ObjectiveType;
  using Pass = OfflinePass<Model, Objective>;
  using Decoder = typename Pass::Decoder;
  static constexpr Level level = Pass::level;
  static constexpr bool scalar = Pass::scalar;
  static constexpr bool has_reference = Pass::has_reference;
  static constexpr bool has_baseline = Pass::has_baseline;
  static_assert(
      level != Level::value,
      "hone: a value loss belongs to an Algorithm; give it to OnlineTrainer as value_loss");
  static_assert((level == Level::score) == scalar,
                "hone: an objective of scores is trained on a ScalarModel{&decoder, &head}, every "
                "other objective on the decoder itself");

  OfflineTrainer(Model& model, Objective objective, OfflineOptions options = {})
      : model_(&model),
        options_(std::move(options)),
        pass_(model, std::move(objective),
              {.checkpoint_activations = options_.checkpoint_activations}, options_.margin_scale),
        parameters_(trainable_parameters(decoder())) {
    if constexpr (scalar)
      model.head->for_each_parameter([this](auto& p) {
        if (p.trainable()) parameters_.push_back(&p);
      });
    require(
        !parameters_.empty(),
        "OfflineTrainer: the model has no trainable parameter; call train_from_layer or attach");
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
    v.expect("objective", checkpoint::described(pass_.objective()));
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
  Decoder& decoder() { return pass_.decoder(); }

  // All weights that the run reads and does not train; they never change, so once is enough.
  const FrozenWeights& frozen() {
    if (!frozen_) {
      FrozenTally tally;
      if constexpr (scalar)
        tally.add_scalar_model(*model_);
      else
        tally.add_model(*model_);
      if constexpr (has_reference)
        if (pass_.reference()->copy()) tally.add_model(*pass_.reference()->copy());
      frozen_ = tally.sum();
    }
    return *frozen_;
  }

  Report accumulate(const data::Batch& given, bool learn) {
    const data::Batch batch = given.canonical();
    OfflineSums sums;
    const std::int64_t count = Pass::count(batch);
    require(count > 0, "OfflineTrainer: a batch of ", batch.forest.trees(),
            " trees holds nothing that this objective can learn from");
    double baseline = 0.0;
    if constexpr (has_baseline) baseline = pass_.baseline_of(batch, options_.microbatch_tokens);
    for_each_microbatch(batch.forest, options_.microbatch_tokens, [&](auto first, auto last) {
      pass_(batch.slice(first, last), 1.0f / static_cast<float>(count), baseline, learn, sums);
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
    if constexpr (has_baseline) report.set("loss/kto_baseline", baseline);
    return report;
  }

  Model* model_;
  OfflineOptions options_;
  Pass pass_;
  ParameterList parameters_;
  OfflineState state_;
  std::optional<FrozenWeights> frozen_;
};

}  // namespace train

using train::OfflineTrainer;

}  // namespace v0
}  // namespace hone
