#include "hone/kernel/log_softmax.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/kernel/reference/log_softmax.hpp"

namespace {

using namespace hone::kernel;

constexpr float inf = std::numeric_limits<float>::infinity();

std::vector<float> random_logits(std::int64_t n, std::uint64_t seed, float scale) {
  std::vector<float> z(static_cast<std::size_t>(n));  // exactly n: ASan sees an overrun
  for (std::size_t i = 0; i < z.size(); ++i)
    z[i] = scale * 0x1p-31f * static_cast<float>(static_cast<std::int32_t>(hone::mix(seed, i)));
  return z;
}

bool same(float a, float b) { return hone::to_bits(a) == hone::to_bits(b); }

TEST(LogSoftmax, EqualsTheReferenceBitForBitAndDoubleToRounding) {
  double worst_logprob = 0, worst_entropy = 0;
  std::uint64_t fingerprint = 0;
  for (std::int64_t n : {1, 2, 15, 16, 17, 100, 1000, 50257})
    for (float temperature : {1.0f, 0.7f, 1.3f})
      for (float scale : {0.1f, 5.0f, 60.0f}) {
        const auto z = random_logits(n, static_cast<std::uint64_t>(n), scale);
        const auto row = log_softmax_stats<true>(z.data(), n, temperature);
        const auto slow = reference::log_softmax_stats(z.data(), n, temperature);
        ASSERT_TRUE(same(row.max, slow.max) && same(row.sum, slow.sum) &&
                    same(row.log_sum, slow.log_sum) && same(row.entropy, slow.entropy))
            << n << " logits: sum " << row.sum << " and " << slow.sum << ", entropy " << row.entropy
            << " and " << slow.entropy;
        EXPECT_TRUE(same(log_softmax_stats(z.data(), n, temperature).sum, row.sum));
        const std::vector<double> wide(z.begin(), z.end());
        const auto exact = reference::log_softmax_stats(wide.data(), n, double{temperature});
        for (std::size_t v = 0; v < z.size(); v += 1 + z.size() / 7) {
          const double expected = reference::logprob(exact, wide[v]);
          worst_logprob = std::max(worst_logprob, std::fabs(double{logprob(row, z[v])} - expected) /
                                                      std::max(1.0, std::fabs(expected)));
          EXPECT_TRUE(same(logprob(row, z[v]), reference::logprob(slow, z[v])));
        }
        worst_entropy = std::max(worst_entropy, std::fabs(double{row.entropy} - exact.entropy));
        fingerprint = hone::mix(fingerprint, hone::to_bits(row.log_sum));
        fingerprint = hone::mix(fingerprint, hone::to_bits(row.entropy));
      }
  std::printf("log-probability within %.3g (relative), entropy within %.3g nats; %s: %016llx\n",
              worst_logprob, worst_entropy, hone::simd_name,
              static_cast<unsigned long long>(fingerprint));
  EXPECT_LT(worst_logprob, 1e-6);
  EXPECT_LT(worst_entropy, 1e-5);
  EXPECT_EQ(fingerprint, 0xf41f59328dc0e235u);  // of every build
}

TEST(LogSoftmax, ImpossibleTokensCountForNothing) {
  for (std::int64_t n : {5, 16, 40}) {
    const auto z = random_logits(n, 3, 4.0f);
    auto masked = random_logits(2 * n, 4, 4.0f);
    for (std::size_t v = 0; v < masked.size(); ++v) masked[v] = v % 2 ? -inf : z[v / 2];
    const auto all = log_softmax_stats<true>(z.data(), n, 0.9f);
    const auto some = log_softmax_stats<true>(masked.data(), 2 * n, 0.9f);
    EXPECT_EQ(all.max, some.max);
    EXPECT_NEAR(all.log_sum, some.log_sum, 1e-6);
    EXPECT_NEAR(all.entropy, some.entropy, 1e-5);
    EXPECT_EQ(logprob(some, -inf), -inf);
  }
}

TEST(LogSoftmax, ACertainTokenHasLogProbabilityAndEntropyZero) {
  std::vector<float> z(33, -inf);
  z[20] = 3.5f;
  const auto row = log_softmax_stats<true>(z.data(), 33, 0.5f);
  EXPECT_EQ(logprob(row, z[20]), 0.0f);
  EXPECT_EQ(row.entropy, 0.0f);
  const float only = -7.0f;
  EXPECT_EQ(logprob(log_softmax_stats(&only, 1), only), 0.0f);
}

TEST(LogSoftmax, LargeLogitsDoNotOverflow) {
  const std::vector<float> z = {3e38f, 3e38f, -3e38f};
  const auto row = log_softmax_stats<true>(z.data(), 3);
  EXPECT_NEAR(logprob(row, z[0]), -std::log(2.0), 1e-6);
  EXPECT_NEAR(row.entropy, std::log(2.0), 1e-6);
}

}  // namespace
