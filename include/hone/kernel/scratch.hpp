// A large block of memory that one thread keeps from call to call.
#pragma once

#include <cstdint>

#include "hone/core/slabs.hpp"

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
  ~Scratch() { free(); }

  // `floats` floats on a cache line; what an earlier call returned is gone, contents are not set.
  float* get(std::int64_t floats) {
    if (floats > size_) {
      free();
      const std::int64_t lines = (floats + 15) / 16 * 16;
      block_ = static_cast<float*>(hone::detail::take_lines(lines * 4));
      size_ = lines;
    }
    return block_;
  }

 private:
  void free() {
    if (block_) hone::detail::give_lines(block_, size_ * 4);
    block_ = nullptr;
    size_ = 0;
  }

  float* block_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
