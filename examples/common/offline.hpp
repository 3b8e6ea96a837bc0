// The loop of the programs that learn from given answers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "hone/data/loader.hpp"
#include "hone/report/metric.hpp"
#include "hone/train/offline_trainer.hpp"
#include "log.hpp"
#include "run.hpp"
#include "settings.hpp"

namespace examples {

inline hone::train::OfflineOptions offline_options(const Settings& s) {
  return {
      .optimizer = s.optimizer, .schedule = s.schedule(), .checkpoint_activations = s.recompute};
}

// Adds eval/NAME to a report: means over a held-out store, each batch by its pairs or tokens.
template <class Trainer>
void evaluate(Trainer& trainer, const hone::data::Store& held_out, std::int32_t batch,
              hone::train::Report& report) {
  std::map<std::string, double> sums;
  double weights = 0;
  for (const hone::data::Batch& b : hone::data::batches(held_out, {.trees = batch})) {
    const hone::train::Report seen = trainer.evaluate(b);
    const double weight = seen.at(seen.has("pairs") ? "pairs" : "tokens");
    for (const auto& [name, value] : seen.metrics) sums[name] += weight * value;
    weights += weight;
  }
  for (const auto& [name, sum] : sums)
    if (name != "pairs" && name != "tokens")
      report.set(std::string(hone::report::eval_prefix) + name, sum / weights);
}

// Trains to the plan's last step.
template <class Trainer>
void learn(const Settings& s, const RunPlan& plan, Trainer& trainer, hone::data::Loader& loader,
           const std::optional<hone::data::Store>& held_out, Log& log) {
  run(plan, trainer, log, [&](std::int64_t i, hone::train::Report& times) {
    hone::train::Report report =
        timed_step(trainer, loader.batch(static_cast<std::uint64_t>(i)), times);
    const bool now = i + 1 == s.steps || (s.evaluate_every > 0 && (i + 1) % s.evaluate_every == 0);
    if (held_out && now) evaluate(trainer, *held_out, s.batch, report);
    return report;
  });
}

}  // namespace examples
