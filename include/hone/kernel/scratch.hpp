// A large block of memory that one thread keeps from call to call.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

// Grows when more is asked for, never shrinks. Large blocks sit on huge pages: a kernel that walks
// through panels touches many pages at a time.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(block_); }

  // `floats` floats on a cache line; what an earlier call returned is gone, contents are not set.
  float* get(std::int64_t floats) {
    if (floats > size_) {
      std::free(block_);
      block_ = nullptr;
      size_ = 0;
      const std::size_t page = floats >= (1 << 20) ? std::size_t{1} << 21 : 64;
      const std::size_t bytes = (static_cast<std::size_t>(floats) * 4 + page - 1) / page * page;
      void* p = std::aligned_alloc(page, bytes);
      require(p != nullptr, "out of memory: ", bytes, " bytes of scratch");
      if (page > 64) madvise(p, bytes, MADV_HUGEPAGE);
      block_ = static_cast<float*>(p);
      size_ = static_cast<std::int64_t>(bytes / 4);
    }
    return block_;
  }

 private:
  float* block_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
