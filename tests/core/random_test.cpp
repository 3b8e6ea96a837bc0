// Random numbers against the generators' published vectors.
#include "hone/core/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

namespace {

using namespace hone;
using Four = std::array<std::uint32_t, 4>;

// Random123, kat_vectors: philox4x32 with 10 rounds.
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The first outputs of splitmix64 for two seeds.
TEST(Mix, IsSplitmixsStep) {
  EXPECT_EQ(mix(0), 0xE220A8397B1DCDAFu);
  EXPECT_EQ(mix(1234567), 6457827717110365317u);
  EXPECT_EQ(mix(1234567 + 0x9E3779B97F4A7C15u), 3203168211198807973u);
}

TEST(RandomKey, EveryPartChangesTheNumber) {
  const RandomKey key{.seed = 1, .step = 2, .sequence = 3, .position = 4, .stream = 5};
  std::set<Four> seen{random_bits(key)};
  for (std::uint64_t bit = 1; bit != 0; bit <<= 1) {
    for (std::uint64_t RandomKey::*part :
         {&RandomKey::seed, &RandomKey::step, &RandomKey::sequence}) {
      RandomKey other = key;
      other.*part ^= bit;
      seen.insert(random_bits(other));
    }
    if (bit >> 32) continue;
    for (std::uint32_t RandomKey::*part : {&RandomKey::position, &RandomKey::stream}) {
      RandomKey other = key;
      other.*part ^= static_cast<std::uint32_t>(bit);
      seen.insert(random_bits(other));
    }
  }
  EXPECT_EQ(seen.size(), 1 + 3 * 64 + 2 * 32);
}

// 100,000 numbers in 64 cells: chi squared with 63 degrees of freedom exceeds 120 once in 10^5.
TEST(Uniform, FillsTheUnitIntervalEvenly) {
  constexpr int n = 100'000, cells = 64;
  std::vector<double> by_key(cells), by_stream(cells);
  RandomStream stream({.seed = 9});
  for (std::uint32_t i = 0; i < n; ++i) {
    const float u = uniform({.seed = 7, .position = i});
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    ++by_key[static_cast<std::size_t>(u * cells)];
    ++by_stream[stream.below(cells)];
  }
  for (const auto& counts : {by_key, by_stream}) {
    double chi = 0;
    for (const double c : counts) chi += (c - n / cells) * (c - n / cells) / (n / cells);
    EXPECT_LT(chi, 120);
    EXPECT_GT(chi, 25);
  }
}

}  // namespace
