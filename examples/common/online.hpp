// What the programs that learn from their own samples share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hone/data/loader.hpp"
#include "hone/report/metric.hpp"
#include "hone/train/online_trainer.hpp"
#include "log.hpp"
#include "run.hpp"
#include "settings.hpp"
#include "shown.hpp"
#include "texts.hpp"

namespace examples {

inline hone::train::OnlineOptions online_options(const OnlineSettings& s, hone::Token end) {
  return {.group_size = s.group,
          .generation = {.sampling = {.temperature = s.temperature},
                         .max_new_tokens = s.new_tokens,
                         .stop_tokens = {end}},
          .ppo_epochs = s.epochs,
          .minibatches = s.minibatches,
          .optimizer = s.optimizer,
          .schedule = s.schedule(),
          .stop_kl = s.stop_kl,
          .checkpoint_activations = s.recompute,
          .seed = s.seed};
}

// The prompts of s.held_out, all in one batch; nothing if there is no such file.
inline std::optional<hone::data::Loader> held_out_prompts(const OnlineSettings& s,
                                                          const Texts& texts) {
  if (s.held_out.empty()) return std::nullopt;
  hone::data::Store store = texts.read(s.held_out, hone::data::Prompts{.max_tokens = s.max_tokens});
  const auto all = static_cast<std::int32_t>(store.size());
  return hone::data::Loader{std::move(store), {.size = {.trees = all}, .seed = s.seed}};
}

// Trains to the plan's last step; `before(loader, batch)` is told of the prompts that are answered
// next, `samples()` returns what was answered. Answers to held-out prompts are judged every
// s.evaluate_every steps and at the end.
template <class Trainer, class Before, class Samples>
void learn(const OnlineSettings& s, const RunPlan& plan, Trainer& trainer,
           hone::data::Loader& loader, std::optional<hone::data::Loader> held_out, Log& log,
           Before&& before, Samples&& samples) {
  run(plan, trainer, log, [&](std::int64_t i) {
    const hone::data::Batch batch = loader.batch(static_cast<std::uint64_t>(i));
    before(loader, batch);
    hone::train::Report report = trainer.step(requests(batch));
    const bool now = i + 1 == s.steps || (s.evaluate_every > 0 && (i + 1) % s.evaluate_every == 0);
    const bool shown = s.samples_every > 0 && (i + 1) % s.samples_every == 0;
    if (shown || i + 1 == s.steps) log.samples(i, samples());
    if (held_out && now) {
      const hone::data::Batch all = held_out->batch(0);
      before(*held_out, all);
      for (const auto& [name, value] : trainer.evaluate(requests(all)).metrics)
        report.set(std::string(hone::report::eval_prefix) + name, value);
    }
    return report;
  });
}

}  // namespace examples
