#include "hone/core/slabs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "hone/core/random.hpp"

namespace {

using hone::detail::Slabs;

struct Array {
  char* begin;
  std::int64_t bytes;
  unsigned char mark;
};

bool marked(const Array& a) {
  return std::all_of(a.begin, a.begin + a.bytes,
                     [&](char c) { return static_cast<unsigned char>(c) == a.mark; });
}

std::int64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  in >> all >> resident;
  return resident * 4096;
}

// Takes and gives back arrays of 4 KiB to 2 MiB in random order.
void exercise(std::uint64_t seed) {
  hone::RandomStream random({.seed = seed});
  std::vector<Array> held;
  for (int step = 0; step < 3000; ++step) {
    if (held.size() < 40 && random.uniform() < 0.6) {
      const auto bytes =
          static_cast<std::int64_t>(64 * (64 + random.below(random.below(8) ? 1000 : 32000)));
      char* const begin = Slabs::instance().take(bytes);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(begin) % 64, 0u);
      const auto mark = static_cast<unsigned char>(random.below(256));
      std::memset(begin, mark, static_cast<std::size_t>(bytes));
      held.push_back({begin, bytes, mark});
    } else if (!held.empty()) {
      const auto i = static_cast<std::ptrdiff_t>(random.below(held.size()));
      ASSERT_TRUE(marked(held[static_cast<std::size_t>(i)])) << "step " << step;
      Slabs::instance().give(held[static_cast<std::size_t>(i)].begin,
                             held[static_cast<std::size_t>(i)].bytes);
      held.erase(held.begin() + i);
    }
  }
  for (const Array& a : held) {
    ASSERT_TRUE(marked(a));
    Slabs::instance().give(a.begin, a.bytes);
  }
}

TEST(Slabs, ArraysKeepWhatIsWrittenWhileOthersComeAndGo) { exercise(1); }

TEST(Slabs, ThreadsShareThem) {
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) threads.emplace_back([t] { exercise(10 + t); });
  for (std::thread& t : threads) t.join();
}

TEST(Slabs, NeighboursThatAreFreeBecomeOneRange) {
  constexpr std::int64_t quarter = Slabs::slab_bytes / 4;
  // Four quarters of one slab, given back in an order that joins on the left, on the right and on
  // both sides; the whole then fits where they lay, or the slab has gone back to the system.
  for (const auto& order :
       std::vector<std::vector<int>>{{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 2, 1, 3}}) {
    std::vector<char*> parts;
    for (int i = 0; i < 4; ++i) parts.push_back(Slabs::instance().take(quarter));
    for (int i : order) Slabs::instance().give(parts[static_cast<std::size_t>(i)], quarter);
    char* const whole = Slabs::instance().take(Slabs::slab_bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(whole) % Slabs::slab_bytes, 0u);
    Slabs::instance().give(whole, Slabs::slab_bytes);
  }
}

TEST(Slabs, WhatIsGivenBackLeavesMemory) {
  constexpr std::int64_t bytes = std::int64_t{1} << 20;
  std::vector<char*> parts;
  for (int i = 0; i < 128; ++i) {
    parts.push_back(Slabs::instance().take(bytes));
    std::memset(parts.back(), 1, static_cast<std::size_t>(bytes));
  }
  const std::int64_t full = resident_bytes();
  // Every eighth stays, so that no slab is empty.
  for (int i = 0; i < 128; ++i)
    if (i % 8 != 0) Slabs::instance().give(parts[static_cast<std::size_t>(i)], bytes);
  Slabs::instance().trim();
  EXPECT_LT(resident_bytes(), full - 64 * bytes);
  for (int i = 0; i < 128; i += 8) {
    EXPECT_EQ(*parts[static_cast<std::size_t>(i)], 1);
    Slabs::instance().give(parts[static_cast<std::size_t>(i)], bytes);
  }
  EXPECT_LT(resident_bytes(), full - 110 * bytes);
}

TEST(Slabs, ArraysOfEverySizeBeginAtACacheLine) {
  for (std::int64_t bytes : {64, 4032, 4096, 1 << 20, 8 << 20, (8 << 20) + 64, 40 << 20}) {
    void* const p = hone::detail::take_lines(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 64, 0u);
    std::memset(p, 7, static_cast<std::size_t>(bytes));
    hone::detail::give_lines(p, bytes);
  }
}

}  // namespace
