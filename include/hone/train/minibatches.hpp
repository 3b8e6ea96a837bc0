// Which trees go into which optimiser step of an update.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "hone/core/random.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// All trees once, in `parts` minibatches of almost equal size, drawn by `key` alone. Each is
// sorted: the canonical order of sums.
inline std::vector<std::vector<std::int64_t>> minibatches(std::int64_t trees, std::int64_t parts,
                                                          const RandomKey& key) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(trees));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  RandomStream stream(key);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
  parts = std::clamp<std::int64_t>(parts, 1, std::max<std::int64_t>(1, trees));
  std::vector<std::vector<std::int64_t>> out;
  for (std::int64_t m = 0; m < parts; ++m) {
    out.emplace_back(order.begin() + trees * m / parts, order.begin() + trees * (m + 1) / parts);
    std::sort(out.back().begin(), out.back().end());
  }
  return out;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
