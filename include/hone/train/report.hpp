// What one training step has to say: metric names and their values, in the order they were set.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct Report {
  std::int64_t step = 0;
  std::vector<std::pair<std::string, double>> metrics;

  void set(std::string_view name, double value) {
    for (auto& [known, old] : metrics)
      if (known == name) {
        old = value;
        return;
      }
    metrics.emplace_back(name, value);
  }

  // The value of a metric; throws if this step has none of that name.
  double at(std::string_view name) const {
    for (const auto& [known, value] : metrics)
      if (known == name) return value;
    fail("Report: step ", step, " has no metric ", name);
  }
  bool has(std::string_view name) const {
    for (const auto& [known, value] : metrics)
      if (known == name) return true;
    return false;
  }

  friend std::ostream& operator<<(std::ostream& out, const Report& r) {
    out << "step " << r.step;
    for (const auto& [name, value] : r.metrics) out << "  " << name << ' ' << value;
    return out << '\n';
  }
};

}  // namespace train
}  // namespace v0
}  // namespace hone
