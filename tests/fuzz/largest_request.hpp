// The largest single piece of memory that was asked for, as the sanitizer's allocator sees it: a
// few times the file at most, whatever the file claims, beside the few MiB of an encoder's cache.
#pragma once

#include <sanitizer/allocator_interface.h>

#include <atomic>
#include <cstddef>

namespace hone_fuzz {

inline std::atomic<std::size_t> largest_request{0};

class WatchedRequests {
 public:
  explicit WatchedRequests(std::size_t input) : limit_(64 * input + (std::size_t{4} << 20)) {
    static const int installed = __sanitizer_install_malloc_and_free_hooks(
        [](const volatile void*, std::size_t size) {
          std::size_t seen = largest_request.load(std::memory_order_relaxed);
          while (size > seen && !largest_request.compare_exchange_weak(seen, size)) {
          }
        },
        [](const volatile void*) {});
    if (installed == 0) __builtin_trap();
    largest_request = 0;
  }
  ~WatchedRequests() {
    if (largest_request > limit_) __builtin_trap();
  }
  WatchedRequests(const WatchedRequests&) = delete;
  WatchedRequests& operator=(const WatchedRequests&) = delete;

 private:
  std::size_t limit_;
};

}  // namespace hone_fuzz
