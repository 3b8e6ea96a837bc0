// What an update did to the critic's values
//
//   value/clip_fraction   share of sampled tokens with |V - V_old| > value_clip
//
// A value loss without a clip range has none.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "hone/core/inputs.hpp"
#include "hone/loss/evaluate.hpp"

namespace hone {
inline namespace v0 {
namespace train {

template <class ValueLoss>
concept ClipsValues = requires(const ValueLoss& loss) {
  loss.value_clip;
};

struct ValueMetrics {
  std::int64_t tokens = 0, clipped = 0;

  template <class ValueLoss>
  void add(const ValueLoss& of, const ValueInputs<loss::Column>& columns,
           std::span<const std::uint8_t> mask) {
    for (std::size_t r = 0; r < mask.size(); ++r) {
      if (!mask[r]) continue;
      ++tokens;
      clipped += std::abs(columns.value[r] - columns.old_value[r]) > of.value_clip;
    }
  }
  double clip_fraction() const {
    return tokens > 0 ? static_cast<double>(clipped) / static_cast<double>(tokens) : 0.0;
  }
};

}  // namespace train
}  // namespace v0
}  // namespace hone
