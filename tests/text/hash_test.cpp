#include "hone/text/hash.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <unordered_map>

namespace {

using hone::text::detail::FlatMap;
using hone::text::detail::hash_bytes;

TEST(FlatMap, IsAMap) {
  FlatMap map;
  EXPECT_EQ(map.get(1), FlatMap::none);
  std::unordered_map<std::uint64_t, std::uint64_t> model;
  std::mt19937_64 random(1);
  for (int i = 0; i < 50000; ++i) {
    const std::uint64_t key = random() % 20000;
    map.set(key << 32, static_cast<std::uint64_t>(i));
    model[key << 32] = static_cast<std::uint64_t>(i);
  }
  EXPECT_EQ(map.size(), model.size());
  for (std::uint64_t key = 0; key < 20000; ++key) {
    const auto found = model.find(key << 32);
    ASSERT_EQ(map.get(key << 32), found == model.end() ? FlatMap::none : found->second);
  }
}

TEST(HashBytes, TellsStringsApart) {
  std::set<std::uint64_t> seen;
  std::size_t made = 0;
  for (std::size_t length = 0; length < 40; ++length)
    for (std::size_t at = 0; at <= length; ++at)
      for (const char c : {'\0', 'a', '\xFF'}) {
        std::string s(length, 'x');
        if (at < length) s[at] = c;
        if (at == length && c != 'a') continue;
        seen.insert(hash_bytes(s));
        ++made;
      }
  EXPECT_EQ(seen.size(), made);
}

}  // namespace
