// The metrics of an update: means over its optimiser steps.
#pragma once

#include <algorithm>
#include <cstdint>

#include "hone/loss/metrics.hpp"
#include "hone/train/report.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct UpdateMetrics {
  double loss = 0, value_loss = 0, ptx_loss = 0;
  double approx_kl = 0, clipped = 0, ratio = 0, entropy = 0;
  double norm = 0, value_norm = 0;
  std::int64_t updates = 0;

  void add(const loss::PolicyMetrics& seen) {
    approx_kl += seen.approx_kl_mean();
    ratio += seen.ratio_mean();
    clipped += seen.clip_fraction();
    entropy += seen.entropy_mean();
  }

  // Which parts a composition has.
  struct Parts {
    bool critic = false, entropy = false, ptx = false;
  };

  void write(const Parts& parts, Report& report) const {
    const double n = static_cast<double>(std::max<std::int64_t>(1, updates));
    report.set("loss/policy", loss / n);
    report.set("policy/approx_kl", approx_kl / n);
    report.set("policy/clip_fraction", clipped / n);
    report.set("policy/ratio_mean", ratio / n);
    if (parts.entropy) report.set("policy/entropy", entropy / n);
    if (parts.ptx) report.set("loss/ptx", ptx_loss / n);
    report.set("update/grad_norm", norm / n);
    if (parts.critic) {
      report.set("loss/value", value_loss / n);
      report.set("update/critic_grad_norm", value_norm / n);
    }
  }
};

}  // namespace train
}  // namespace v0
}  // namespace hone
