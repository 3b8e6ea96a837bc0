// A penalty on answers that repeat themselves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

// R = -penalty (1 - distinct n-grams / n-grams), over the tokens; 0 for an answer shorter than n.
// Yeo et al., "Demystifying long chain-of-thought reasoning" (2025), appendix C.2.
struct Repetition {
  std::int64_t n = 3;
  float penalty = 1.0f;

  float operator()(const Completion& c) const {
    require(n > 0, "reward::Repetition: n is ", n, ", expected at least 1");
    const auto& tokens = c.tokens;
    const auto size = static_cast<std::ptrdiff_t>(n);
    if (static_cast<std::ptrdiff_t>(tokens.size()) < size) return 0.0f;
    std::vector<std::ptrdiff_t> grams(tokens.size() - static_cast<std::size_t>(n) + 1);
    std::iota(grams.begin(), grams.end(), std::ptrdiff_t{0});
    const auto at = [&](std::ptrdiff_t i) { return tokens.begin() + i; };
    std::sort(grams.begin(), grams.end(), [&](std::ptrdiff_t a, std::ptrdiff_t b) {
      return std::lexicographical_compare(at(a), at(a) + size, at(b), at(b) + size);
    });
    const auto last = std::unique(
        grams.begin(), grams.end(),
        [&](std::ptrdiff_t a, std::ptrdiff_t b) { return std::equal(at(a), at(a) + size, at(b)); });
    const auto distinct = static_cast<double>(last - grams.begin());
    const double repeated = 1.0 - distinct / static_cast<double>(grams.size());
    return repeated > 0 ? static_cast<float>(-penalty * repeated) : 0.0f;
  }
};

}  // namespace reward
}  // namespace v0
}  // namespace hone
