// Rewards that look at an answer's length in tokens, the end token included.
#pragma once

#include <algorithm>
#include <cstdint>

#include "hone/core/completion.hpp"
#include "hone/core/error.hpp"
#include "hone/core/math.hpp"
#include "hone/reward/function.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

// R = -coef n.
struct PerToken {
  float coef = 0.01f;
  float operator()(const Completion& c) const {
    return -coef * static_cast<float>(c.tokens.size());
  }
};

// R = min(-factor (n - (max_tokens - buffer)) / buffer, 0): nothing up to max_tokens - buffer, then
// down in a line to -factor at max_tokens. DAPO (Yu et al. 2025), equation 13. `capped` holds it at
// -factor beyond, as the paper and TRL do; verl goes on down the line.
struct Overlong {
  std::int64_t max_tokens = 512;
  std::int64_t buffer = 128;
  float factor = 1.0f;
  bool capped = true;

  float operator()(const Completion& c) const {
    require(buffer > 0 && buffer <= max_tokens, "reward::Overlong: buffer is ", buffer,
            ", expected 1 to max_tokens, ", max_tokens);
    const auto excess = static_cast<std::int64_t>(c.tokens.size()) - (max_tokens - buffer);
    if (excess <= 0) return 0.0f;
    const auto counted = static_cast<float>(capped ? std::min(excess, buffer) : excess);
    return -factor * (counted / static_cast<float>(buffer));
  }
};

// R = long + (short - long) (1 + cos(pi min(n / max_tokens, 1))) / 2, with one pair of ends for a
// right answer, where short ones are worth more, and one for a wrong one, where they are worth
// less. Yeo et al., "Demystifying long chain-of-thought reasoning" (2025), appendix C.1. `correct`
// is any reward; above 0 means right.
template <class Correct>
struct CosineLength {
  Correct correct = {};
  std::int64_t max_tokens = 512;
  float right_short = 1.0f, right_long = 0.5f;
  float wrong_short = -1.0f, wrong_long = -0.5f;

  float operator()(const Completion& c) const {
    require(max_tokens > 0, "reward::CosineLength: max_tokens is ", max_tokens,
            ", expected at least 1");
    const double progress =
        std::min(static_cast<double>(c.tokens.size()) / static_cast<double>(max_tokens), 1.0);
    const double weight = 0.5 * (1.0 + hone::cos(progress * 3.14159265358979323846));
    const bool right = correct(c) > 0;
    const double at_short = right ? right_short : wrong_short;
    const double at_long = right ? right_long : wrong_long;
    return static_cast<float>(std::fma(weight, at_short - at_long, at_long));
  }
};

}  // namespace reward
}  // namespace v0
}  // namespace hone
