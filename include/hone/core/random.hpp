// Counter-based random numbers: a number is a function of its key alone.
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011). A sample keyed by (seed, step, sequence, position) does not depend on the batch it was
// drawn in, on the thread count or on what ran before, and no state has to be saved.
#pragma once

#include <array>
#include <cstdint>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {

// Ten rounds of Philox on a 128-bit counter under a 64-bit key.
HONE_HD constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                                      std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

// Mixes a 64-bit value to 64 well-spread bits (the finaliser of splitmix64; Steele, Lea, Flood,
// OOPSLA 2014). Turns names and tuples into keys.
HONE_HD constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

HONE_HD constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) { return mix(mix(a) ^ b); }

// What a random number is a function of. `stream` separates uses (sampling, shuffling, dropout).
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint64_t sequence = 0;
  std::uint32_t position = 0;
  std::uint32_t stream = 0;
  bool operator==(const RandomKey&) const = default;
};

HONE_HD constexpr std::array<std::uint32_t, 4> random_bits(const RandomKey& k) {
  const std::uint64_t key = mix(k.seed, k.step);
  return philox({static_cast<std::uint32_t>(k.sequence),
                 static_cast<std::uint32_t>(k.sequence >> 32), k.position, k.stream},
                {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
}

// Uniform in [0, 1), a multiple of 2^-24.
HONE_HD constexpr float uniform(const RandomKey& k) {
  return static_cast<float>(random_bits(k)[0] >> 8) * 0x1p-24f;
}

// A sequence of 64-bit numbers from one key, for standard algorithms (a UniformRandomBitGenerator).
class RandomStream {
 public:
  using result_type = std::uint64_t;
  explicit constexpr RandomStream(RandomKey key) : key_(key) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  constexpr result_type operator()() {
    const auto bits = random_bits(key_);
    ++key_.position;
    return bits[0] | (static_cast<std::uint64_t>(bits[1]) << 32);
  }
  // Uniform in [0, n), by multiplication; the bias is below n / 2^64.
  constexpr std::uint64_t below(std::uint64_t n) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>((*this)()) * n) >> 64);
  }
  constexpr double uniform() { return static_cast<double>((*this)() >> 11) * 0x1p-53; }

 private:
  RandomKey key_;
};

}  // namespace v0
}  // namespace hone
