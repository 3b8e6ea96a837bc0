// How long the phases of an online step took.
//
//   train::Report report = trainer.step(prompts);
//   trainer.times().write(report);   // time/rollout, time/score, time/update, ...
//
// A trainer's own report leaves them out: it is a function of the run, bit for bit.
#pragma once

#include <chrono>
#include <cstdint>

#include "hone/train/report.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct PhaseTimes {
  double rollout = 0, score = 0, update = 0;  // s
  std::int64_t tokens = 0;                    // sampled

  void write(Report& report) const {
    report.set("time/step", rollout + score + update);
    report.set("time/rollout", rollout);
    report.set("time/score", score);
    report.set("time/update", update);
    report.set("rollout/tokens_per_second",
               rollout > 0 ? static_cast<double>(tokens) / rollout : 0.0);
  }
};

// Adds the seconds of its life to a phase.
class Timed {
 public:
  explicit Timed(double& seconds) : seconds_(&seconds) {}
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  ~Timed() { *seconds_ += std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  double* seconds_;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace train
}  // namespace v0
}  // namespace hone
