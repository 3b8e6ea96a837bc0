// The steps of a run, or of one stage of it, from its newest checkpoint to the last one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "hone/core/error.hpp"
#include "hone/data/batch.hpp"
#include "hone/train/checkpoints.hpp"
#include "hone/train/phase_times.hpp"
#include "hone/train/report.hpp"
#include "log.hpp"
#include "saving.hpp"
#include "settings.hpp"

namespace examples {

struct RunPlan {
  std::string name;
  std::int64_t steps = 0;
  Saving saving = {};
  std::filesystem::path checkpoints = {};  // their folder
  // What decides the run's bits and is no part of the trainer: a resumed run must have the same.
  std::map<std::string, std::string> about = {};
};

// That of a program of one stage, whose checkpoints are OUT/checkpoints/. Refuses an OUT that
// another run has written checkpoints to.
RunPlan run_plan(const Settings& s, const std::string& name);

// A step of an offline trainer, and how long it took.
template <class Trainer>
hone::train::Report timed_step(Trainer& trainer, const hone::data::Batch& batch,
                               hone::train::Report& times) {
  double seconds = 0;
  const auto step = [&] {
    const hone::train::Timed timed(seconds);
    return trainer.step(batch);
  };
  hone::train::Report report = step();
  times.set("time/step", seconds);
  times.set("data/tokens_per_second", static_cast<double>(batch.forest.size()) / seconds);
  return report;
}

// Calls step(i, times), which returns the report of step i and adds its times to `times`, for the
// steps that are left. An error says in which step it came up; the last checkpoint stays.
template <class Trainer, class Step>
void run(const RunPlan& plan, Trainer& trainer, Log& log, Step&& step) {
  hone::train::Checkpoints saved{{.folder = plan.checkpoints,
                                  .every = plan.saving.every,
                                  .keep = plan.saving.keep,
                                  .about = plan.about}};
  if (plan.saving.resume) saved.resume(trainer);
  const std::int64_t first = trainer.state().step;
  log.begin(first);
  try {
    while (trainer.state().step < plan.steps) {
      hone::train::Report times{.step = trainer.state().step};
      const hone::train::Report report = step(times.step, times);
      log.step(report, times);
      saved.after_step(trainer);
    }
    const bool rest = plan.saving.every > 0 && plan.steps % plan.saving.every != 0;
    if (first < plan.steps && rest) saved.save(trainer);
  } catch (const hone::Error& e) {
    hone::fail(plan.name, ", step ", trainer.state().step, ": ", e.what());
  }
  log.end();
}

}  // namespace examples
