// Looking at held-out data while a run goes on.
//
//   train::Evaluation held_out{.of = data::batches(store, {.tokens = 8192}), .every = 20};
//   train::Report report = trainer.step(batch);
//   held_out(trainer, report);   // every 20 steps adds eval/loss, eval/rewards/accuracy, ...
//
// An OfflineTrainer is given batches, an OnlineTrainer prompts, which it answers with the same
// random numbers each time. Nothing of the run's state changes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/data/batch.hpp"
#include "hone/report/metric.hpp"
#include "hone/rollout/request.hpp"
#include "hone/train/report.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// While it lives, a trainer's model has its averaged weights (options.ema): to evaluate or to save.
template <class Trainer>
class Averaged {
 public:
  explicit Averaged(Trainer& trainer) : trainer_(&trainer) { trainer.swap_averages(); }
  Averaged(const Averaged&) = delete;
  Averaged& operator=(const Averaged&) = delete;
  ~Averaged() { trainer_->swap_averages(); }

 private:
  Trainer* trainer_;
};

// Means over all batches: each batch's metrics weigh as much as what they are means of, which the
// last metric, "tokens" or "pairs", counts.
template <class Trainer, class Batches>
requires requires(Trainer& t, const data::Batch& batch) { t.evaluate(batch); }
Report evaluate(Trainer& trainer, Batches&& batches) {
  std::vector<std::pair<std::string, double>> sums;
  double all = 0;
  const char* counted = nullptr;
  for (const data::Batch& batch : batches) {
    const Report one = trainer.evaluate(batch);
    counted = one.has("pairs") ? "pairs" : "tokens";
    const double count = one.at(counted);
    all += count;
    for (std::size_t i = 0; i < one.metrics.size(); ++i) {
      const auto& [name, value] = one.metrics[i];
      if (sums.size() <= i) sums.emplace_back(name, 0.0);
      sums[i].second += name == counted ? value : count * value;
    }
  }
  require(counted != nullptr, "evaluate: there is no batch to evaluate");
  Report out;
  out.step = trainer.state().step;
  for (const auto& [name, sum] : sums)
    out.set(std::string(report::eval_prefix) + name, name == counted ? sum : sum / all);
  return out;
}

// Scores, lengths and KL of answers to held-out prompts.
template <class Trainer>
requires requires(Trainer& t, std::span<const rollout::Request> prompts) { t.evaluate(prompts); }
Report evaluate(Trainer& trainer, const std::vector<rollout::Request>& prompts) {
  Report out;
  out.step = trainer.state().step;
  for (const auto& [name, value] : trainer.evaluate(prompts).metrics)
    out.set(std::string(report::eval_prefix) + name, value);
  return out;
}

template <class HeldOut>
struct Evaluation {
  HeldOut of;               // a range of batches, or a vector of requests
  std::int64_t every = 10;  // steps
  bool averaged = false;    // of the averaged weights

  // Adds eval/ metrics to the report of a step that is one of the `every`-th.
  template <class Trainer>
  void operator()(Trainer& trainer, Report& report) {
    if (every <= 0 || trainer.state().step % every != 0) return;
    const Report seen = averaged ? averaged_report(trainer) : evaluate(trainer, of);
    for (const auto& [name, value] : seen.metrics) report.set(name, value);
  }

 private:
  template <class Trainer>
  Report averaged_report(Trainer& trainer) {
    const Averaged<Trainer> weights(trainer);
    return evaluate(trainer, of);
  }
};

}  // namespace train
}  // namespace v0
}  // namespace hone
