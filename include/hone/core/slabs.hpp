// Memory for arrays of middle size, side by side on huge pages.
//
// A pass over a model walks through hundreds of arrays of some 100 KiB each: weights, keys, values.
// An array of its own lies on pages of 4 KiB, and each of them costs a walk through the page tables
// (two, in a virtual machine). Here such arrays share slabs of 32 MiB that the system is asked to
// back by huge pages; what is given back joins its free neighbours and is handed out again.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace detail {

// Sanitizers watch the ends of arrays that come from the heap one by one.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool share_slabs = false;
#else
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define HONE_HEAP_ONLY
#endif
#endif
#ifdef HONE_HEAP_ONLY
#undef HONE_HEAP_ONLY
inline constexpr bool share_slabs = false;
#else
inline constexpr bool share_slabs = true;
#endif
#endif

inline constexpr std::int64_t huge_page = std::int64_t{2} << 20;

class Slabs {
 public:
  static Slabs& instance() {
    static Slabs* slabs = new Slabs;  // outlives every static array
    return *slabs;
  }

  // `bytes` bytes, a multiple of 64 up to slab_bytes, on a cache line: from the smallest free range
  // that holds them.
  char* take(std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    auto found = by_size_.lower_bound({bytes, nullptr});
    if (found == by_size_.end()) {
      insert(map_slab(), slab_bytes);
      found = by_size_.lower_bound({bytes, nullptr});
    }
    const auto [size, begin] = *found;
    erase(begin, size);
    if (size > bytes) insert(begin + bytes, size - bytes);
    return begin;
  }

  void give(char* begin, std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto next = free_.find(begin + bytes);
    if (next != free_.end() && !begins_slab(next->first)) {
      bytes += next->second;
      erase(next->first, next->second);
    }
    const auto after = free_.lower_bound(begin);
    if (after != free_.begin() && !begins_slab(begin)) {
      const auto [before, size] = *std::prev(after);
      if (before + size == begin) {
        erase(before, size);
        begin = before;
        bytes += size;
      }
    }
    if (bytes == slab_bytes)
      munmap(begin, static_cast<std::size_t>(slab_bytes));
    else
      insert(begin, bytes);
  }

  // Huge pages on which nothing lies go back to the system; their addresses stay.
  void trim() {
    const std::lock_guard lock(mutex_);
    for (const auto& [begin, bytes] : free_) {
      const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(begin);
      const std::uintptr_t first = (at + huge_page - 1) / huge_page * huge_page;
      const std::uintptr_t last = (at + static_cast<std::uintptr_t>(bytes)) / huge_page * huge_page;
      if (first < last) madvise(begin + (first - at), last - first, MADV_DONTNEED);
    }
  }

  static constexpr std::int64_t slab_bytes = std::int64_t{32} << 20;

 private:
  static bool begins_slab(const char* p) {
    return reinterpret_cast<std::uintptr_t>(p) % slab_bytes == 0;
  }

  // A slab begins at a multiple of its size: that tells free neighbours from neighbouring slabs.
  static char* map_slab() {
    constexpr auto size = static_cast<std::size_t>(slab_bytes);
    void* mapped =
        mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(mapped != MAP_FAILED, "out of memory: ", slab_bytes, " bytes for arrays");
    char* const from = static_cast<char*>(mapped);
    const std::size_t lead = (size - reinterpret_cast<std::uintptr_t>(from) % size) % size;
    if (lead > 0) munmap(from, lead);
    munmap(from + lead + size, size - lead);
    madvise(from + lead, size, MADV_HUGEPAGE);
    return from + lead;
  }

  void insert(char* begin, std::int64_t bytes) {
    free_.emplace(begin, bytes);
    by_size_.emplace(bytes, begin);
  }
  void erase(char* begin, std::int64_t bytes) {
    free_.erase(begin);
    by_size_.erase({bytes, begin});
  }

  std::mutex mutex_;
  std::map<char*, std::int64_t> free_;  // ranges that touch no other one of their slab
  std::set<std::pair<std::int64_t, char*>> by_size_;
};

// From a slab: small arrays would only make the lists of ranges long, large ones fill huge pages of
// their own.
constexpr bool on_slab(std::int64_t bytes) {
  return share_slabs && bytes >= 4096 && bytes <= Slabs::slab_bytes / 4;
}

// `bytes` bytes, a multiple of 64, on a cache line; contents are not set. Throws Error when there
// is no memory.
inline void* take_lines(std::int64_t bytes) {
  if (on_slab(bytes)) return Slabs::instance().take(bytes);
  void* p = nullptr;
  const int failed =
      posix_memalign(&p, static_cast<std::size_t>(bytes >= huge_page ? huge_page : 64),
                     static_cast<std::size_t>(bytes));
  require(failed == 0, "out of memory: ", bytes, " bytes for an array");
  // Whole huge pages only: the last part of one would be resident up to its end.
  const std::int64_t huge = bytes / huge_page * huge_page;
  if (huge > 0) madvise(p, static_cast<std::size_t>(huge), MADV_HUGEPAGE);
  return p;
}

// Gives back what take_lines(bytes) returned.
inline void give_lines(void* p, std::int64_t bytes) {
  if (on_slab(bytes))
    Slabs::instance().give(static_cast<char*>(p), bytes);
  else
    std::free(p);
}

}  // namespace detail
}  // namespace v0
}  // namespace hone
