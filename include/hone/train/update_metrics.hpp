// The metrics of an update: means over its optimiser steps.
#pragma once

#include <algorithm>
#include <cstdint>

#include "hone/loss/metrics.hpp"
#include "hone/train/algorithm.hpp"
#include "hone/train/part.hpp"
#include "hone/train/report.hpp"
#include "hone/train/value_metrics.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// What a critic, or pretraining text, adds.
struct CriticMetrics {
  double value_loss = 0, value_norm = 0, value_clipped = 0;

  void add_values(double loss, const ValueMetrics& seen) {
    value_loss += loss;
    value_clipped += seen.clip_fraction();
  }
};
struct PtxMetrics {
  double ptx_loss = 0;
};

// Of an Algorithm<...>.
template <class Composition>
struct UpdateMetrics : part_if<needs_critic<Composition>, CriticMetrics>,
                       part_if<needs_ptx<Composition>, PtxMetrics> {
  double loss = 0;
  double approx_kl = 0, clipped = 0, ratio = 0, entropy = 0;
  double norm = 0;
  std::int64_t updates = 0, passes = 0;  // a pass that stop_kl refuses is not followed by an update

  void add(const loss::PolicyMetrics& seen) {
    ++passes;
    approx_kl += seen.approx_kl_mean();
    ratio += seen.ratio_mean();
    clipped += seen.clip_fraction();
    entropy += seen.entropy_mean();
  }

  // `with_ptx`: text was read in these steps.
  void write([[maybe_unused]] bool with_ptx, Report& report) const {
    const double n = static_cast<double>(std::max<std::int64_t>(1, updates));
    const double m = static_cast<double>(std::max<std::int64_t>(1, passes));
    report.set("loss/policy", loss / m);
    report.set("policy/approx_kl", approx_kl / m);
    report.set("policy/clip_fraction", clipped / m);
    report.set("policy/ratio_mean", ratio / m);
    if constexpr (needs_entropy<Composition>) report.set("policy/entropy", entropy / m);
    if constexpr (needs_ptx<Composition>)
      if (with_ptx) report.set("loss/ptx", this->ptx_loss / n);
    report.set("update/grad_norm", norm / n);
    if constexpr (needs_critic<Composition>) {
      report.set("loss/value", this->value_loss / m);
      if constexpr (ClipsValues<decltype(Composition::value_loss)>)
        report.set("value/clip_fraction", this->value_clipped / m);
      report.set("update/critic_grad_norm", this->value_norm / n);
    }
  }
};

}  // namespace train
}  // namespace v0
}  // namespace hone
