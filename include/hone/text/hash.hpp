// Hash tables for the two look-ups that tokenising consists of: a pair of tokens, a string of
// bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace detail {

inline std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
  return x ^ (x >> 29);
}

inline std::uint64_t hash_bytes(std::string_view s) {
  std::uint64_t h = 0x9E3779B97F4A7C15u ^ s.size();
  std::size_t i = 0;
  std::uint64_t chunk;
  for (; i + 8 <= s.size(); i += 8) {
    std::memcpy(&chunk, s.data() + i, 8);
    h = mix(h ^ chunk) * 0x9FB21C651E98DF25u;
  }
  if (i < s.size()) {
    chunk = 0;
    std::memcpy(&chunk, s.data() + i, s.size() - i);
    h = mix(h ^ chunk) * 0x9FB21C651E98DF25u;
  }
  return mix(h);
}

// 64-bit keys to 64-bit values, open addressing, at most half full, never shrinking.
class FlatMap {
 public:
  static constexpr std::uint64_t none =
      ~std::uint64_t{0};  // no key, and the value of an absent one

  void reserve(std::size_t entries) {
    const std::size_t wanted = std::bit_ceil(entries * 2 + 2);
    if (wanted <= slots_.size()) return;
    std::vector<Slot> old(wanted);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.key != none) slots_[place(slot.key)] = slot;
  }

  void set(std::uint64_t key, std::uint64_t value) {
    if (size_ * 2 >= slots_.size()) reserve(size_ * 2 + 8);
    Slot& slot = slots_[place(key)];
    size_ += slot.key == none;
    slot = {key, value};
  }

  std::uint64_t get(std::uint64_t key) const {
    return slots_.empty() ? none : slots_[place(key)].value;
  }

  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t key = none;
    std::uint64_t value = none;
  };

  // The slot that holds the key, or the empty one where it belongs.
  std::size_t place(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = mix(key * 0x9E3779B97F4A7C15u) & mask;
    while (slots_[i].key != key && slots_[i].key != none) i = (i + 1) & mask;
    return i;
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace detail
}  // namespace text
}  // namespace v0
}  // namespace hone
