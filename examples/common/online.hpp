// What the programs that learn from their own samples share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hone/checkpoint/pretrained.hpp"
#include "hone/data/fingerprint.hpp"
#include "hone/data/loader.hpp"
#include "hone/report/metric.hpp"
#include "hone/train/algorithm.hpp"
#include "hone/train/evaluation.hpp"
#include "hone/train/online_trainer.hpp"
#include "hone/train/ptx.hpp"
#include "log.hpp"
#include "models.hpp"
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
          .ema = s.ema > 0 ? std::optional(hone::train::Ema{.decay = s.ema}) : std::nullopt,
          .seed = s.seed};
}

// What a resumed run must have in common with the one that was stopped.
inline RunPlan online_plan(const OnlineSettings& s, const std::string& name) {
  RunPlan plan = run_plan(s, name);
  if (!s.ptx.empty()) {
    plan.about["ptx"] = hone::data::Fingerprint().add_file(s.ptx).name();
    plan.about["ptx_batch"] = std::to_string(s.ptx_batch);
  }
  return plan;
}

// The text of s.ptx in blocks, if there is any.
class Remembered {
 public:
  Remembered(const OnlineSettings& s, const Texts& texts) {
    if (!s.ptx.empty())
      loader_ = std::make_shared<hone::data::Loader>(
          texts.read(s.ptx, hone::data::Blocks{.tokens = s.max_tokens}),
          hone::data::LoaderOptions{.size = {.trees = s.ptx_batch}, .seed = s.seed});
  }
  explicit operator bool() const { return loader_ != nullptr; }
  hone::data::Batch operator()(std::int64_t update) const {
    return loader_->batch(static_cast<std::uint64_t>(update));
  }

 private:
  std::shared_ptr<hone::data::Loader> loader_;
};

// The algorithm with the loss of that text in its updates.
template <class A>
auto with_text(const A& a, const OnlineSettings& s, const Texts& texts) {
  using hone::train::Ptx;
  const Remembered text{s, texts};
  return hone::Algorithm<decltype(a.advantage), decltype(a.kl), decltype(a.loss),
                         decltype(a.value_loss), decltype(a.aggregation), Ptx<Remembered>>{
      a.advantage,  a.kl,          a.loss,
      a.value_loss, a.aggregation, Ptx<Remembered>{text ? s.ptx_coef : 0.0f, text}};
}

// The policy, and beside it the one with the averaged weights. Returns where the first one is.
template <class Trainer>
std::string save_policies(const OnlineSettings& s, Trainer& trainer,
                          const hone::checkpoint::Pretrained& source, const Texts& texts) {
  if (s.ema > 0) {
    const hone::train::Averaged<Trainer> averaged{trainer};
    save_policy(s, trainer.actor(), source, texts.tokenizer(), "-ema");
  }
  return save_policy(s, trainer.actor(), source, texts.tokenizer());
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
// s.evaluate_every steps and at the end; those before the first step and after the last, drawn with
// the same random numbers, are kept to be compared.
template <class Trainer, class Before, class Samples>
void learn(const OnlineSettings& s, const RunPlan& plan, Trainer& trainer,
           hone::data::Loader& loader, std::optional<hone::data::Loader> held_out, Log& log,
           Before&& before, Samples&& samples) {
  const auto answered = [&] {
    const hone::data::Batch all = held_out->batch(0);
    before(*held_out, all);
    return trainer.evaluate(requests(all));
  };
  run(plan, trainer, log, [&](std::int64_t i, hone::train::Report& times) {
    if (held_out && i == 0) {
      answered();
      log.before(samples());
    }
    const hone::data::Batch batch = loader.batch(static_cast<std::uint64_t>(i));
    before(loader, batch);
    hone::train::Report report = trainer.step(requests(batch));
    trainer.times().write(times);
    const bool now = i + 1 == s.steps || (s.evaluate_every > 0 && (i + 1) % s.evaluate_every == 0);
    const bool shown = s.samples_every > 0 && (i + 1) % s.samples_every == 0;
    if (shown || i + 1 == s.steps) log.samples(i, samples());
    if (held_out && now) {
      for (const auto& [name, value] : answered().metrics)
        report.set(std::string(hone::report::eval_prefix) + name, value);
      if (i + 1 == s.steps) log.after(samples());
    }
    return report;
  });
}

}  // namespace examples
