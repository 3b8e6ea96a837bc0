// The loop of the programs that learn from given answers.
#pragma once

#include <cstdint>
#include <optional>

#include "hone/data/loader.hpp"
#include "hone/train/evaluation.hpp"
#include "hone/train/offline_trainer.hpp"
#include "log.hpp"
#include "run.hpp"
#include "settings.hpp"

namespace examples {

inline hone::train::OfflineOptions offline_options(const Settings& s) {
  return {
      .optimizer = s.optimizer, .schedule = s.schedule(), .checkpoint_activations = s.recompute};
}

// Trains to the plan's last step.
template <class Trainer>
void learn(const Settings& s, const RunPlan& plan, Trainer& trainer, hone::data::Loader& loader,
           const std::optional<hone::data::Store>& held_out, Log& log) {
  run(plan, trainer, log, [&](std::int64_t i, hone::train::Report& times) {
    hone::train::Report report =
        timed_step(trainer, loader.batch(static_cast<std::uint64_t>(i)), times);
    const bool now = i + 1 == s.steps || (s.evaluate_every > 0 && (i + 1) % s.evaluate_every == 0);
    if (held_out && now) {
      const auto batches = hone::data::batches(*held_out, {.trees = s.batch});
      for (const auto& [name, value] : hone::train::evaluate(trainer, batches).metrics)
        report.set(name, value);
    }
    return report;
  });
}

}  // namespace examples
