// Sampling against its plain reference, bit for bit: random settings, rows with ties, impossible
// tokens and logits that are no numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/core/scalar.hpp"
#include "hone/kernel/reference/sampling.hpp"
#include "hone/rollout/sampling.hpp"

namespace {

using namespace hone;
using rollout::Sampling;
using Floats = std::vector<float>;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float inf = std::numeric_limits<float>::infinity();

class Cases {
 public:
  bool once_in(std::uint32_t n) { return random_() % n == 0; }
  template <class T>
  T any_of(std::initializer_list<T> values) {
    return values.begin()[random_() % values.size()];
  }
  float uniform() { return static_cast<float>(random_() >> 8) * 0x1p-24f; }

  Sampling settings() {
    Sampling s{.temperature = any_of({0.0f, 1.0f, 1.0f, 0.7f, 1.3f, 0.01f, 30.0f})};
    if (once_in(2)) s.top_k = any_of({1, 2, 3, 5, 17, 64, 300, 5000});
    if (once_in(2)) s.top_p = any_of({0.05f, 0.5f, 0.9f, 0.95f, 0.999f, 0.25f + 0.5f * uniform()});
    if (once_in(3)) s.min_p = any_of({0.01f, 0.1f, 0.5f, 1.0f, uniform()});
    check(s);
    return s;
  }

  // Exactly as many as there are: a sanitizer sees an overrun.
  Floats logits() {
    Floats z(any_of<std::size_t>({1, 2, 5, 15, 16, 17, 33, 64, 100, 257, 1000}));
    const float width = any_of({0.1f, 1.0f, 4.0f, 20.0f, 200.0f});
    const float step = once_in(3) ? width * any_of({0.25f, 0.5f, 1.0f}) : 0.0f;  // many ties
    for (float& x : z) {
      x = width * (2.0f * uniform() - 1.0f) + any_of({0.0f, 0.0f, 100.0f});
      if (step > 0.0f) x = std::round(x / step) * step;
    }
    if (once_in(4))  // tokens that are impossible, perhaps all of them
      for (float& x : z)
        if (!once_in(3)) x = -inf;
    if (once_in(20)) z[random_() % z.size()] = any_of({nan, inf});
    return z;
  }

 private:
  std::mt19937 random_{7};
};

TEST(SamplingReference, EqualsTheReferenceBitForBit) {
  Cases cases;
  int drawn = 0, refused = 0, unlikely = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Sampling s = cases.settings();
    const Floats z = cases.logits();
    const RandomKey key{.seed = 11, .sequence = static_cast<std::uint64_t>(i)};
    const auto expected =
        kernel::reference::sample(s, std::span<const float>(z), hone::uniform(key));
    const auto what = [&] {
      return "case " + std::to_string(i) + ": " + std::to_string(z.size()) +
             " logits, temperature " + std::to_string(s.temperature) + ", top_k " +
             std::to_string(s.top_k) + ", top_p " + std::to_string(s.top_p) + ", min_p " +
             std::to_string(s.min_p);
    };
    Floats row = z;
    if (!expected) {
      ++refused;
      ASSERT_THROW(rollout::sample(s, row, key), Error) << what();
      continue;
    }
    ++drawn;
    const auto found = rollout::sample(s, row, key);
    ASSERT_EQ(found.token, expected->token) << what();
    ASSERT_EQ(to_bits(found.logprob), to_bits(expected->logprob))
        << what() << ": " << found.logprob << ", expected " << expected->logprob;
    unlikely += z[static_cast<std::size_t>(found.token)] < *std::max_element(z.begin(), z.end());
  }
  std::cout << drawn << " drawn, " << unlikely << " of them not the most probable, " << refused
            << " refused\n";
  EXPECT_GT(unlikely, 3000);
  EXPECT_GT(refused, 500);
}

// The ends of the unit interval, where rounding decides, and every weight in between.
TEST(SamplingReference, InversionEqualsTheReference) {
  Cases cases;
  for (int i = 0; i < 3'000; ++i) {
    Floats weights = cases.logits();
    for (float& w : weights) w = w > 0.0f && w < inf ? w : 0.0f;
    for (const float u :
         {0.0f, 0x1p-24f, cases.uniform(), 0.5f, cases.uniform(), 1.0f - 0x1p-24f, 1.0f})
      ASSERT_EQ(rollout::detail::invert(weights, u),
                kernel::reference::invert(std::span<const float>(weights), u))
          << "case " << i << ", " << weights.size() << " weights, u " << u;
  }
}

}  // namespace
