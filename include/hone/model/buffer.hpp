// Memory for activations that is handed back and used again.
//
// A training step needs the same few hundred arrays each time. Taking them fresh from the system
// costs a page fault per 4 KiB; here a freed array waits for the next one of about its size. Arrays
// are 64-byte aligned, large ones sit on huge pages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>  // defines __GLIBC__ where it is
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "hone/core/slabs.hpp"

namespace hone {
inline namespace v0 {
namespace model {

namespace detail {

class BufferPool {
 public:
  static BufferPool& instance() {
    static BufferPool* pool = new BufferPool;  // outlives every static buffer
    return *pool;
  }

  std::pair<float*, std::int64_t> take(std::int64_t floats) {
    const std::int64_t bytes = rounded(floats * 4);
    {
      const std::lock_guard lock(mutex_);
      // The best fit that wastes at most an eighth.
      auto it = free_.lower_bound(bytes);
      if (it != free_.end() && it->first <= bytes + bytes / 8) {
        const auto found = *it;
        free_.erase(it);
        idle_ -= found.first;
        most_used_ = std::max(most_used_, live_ - idle_);
        return {found.second, found.first};
      }
      // What lies idle gives way, largest first, before more memory is held than was ever in use
      // at a time, and an eighth.
      most_used_ = std::max(most_used_, live_ - idle_ + bytes);
      while (idle_ > 0 && live_ + bytes > most_used_ + most_used_ / 8) {
        it = std::prev(free_.end());
        hone::detail::give_lines(it->second, it->first);
        idle_ -= it->first;
        live_ -= it->first;
        free_.erase(it);
      }
      live_ += bytes;
    }
    return {static_cast<float*>(hone::detail::take_lines(bytes)), bytes};
  }

  void give(float* p, std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    free_.emplace(bytes, p);
    idle_ += bytes;
  }

  // Returns everything idle to the system.
  void trim() {
    {
      const std::lock_guard lock(mutex_);
      for (auto& [bytes, p] : free_) {
        hone::detail::give_lines(p, bytes);
        live_ -= bytes;
      }
      free_.clear();
      idle_ = 0;
      most_used_ = live_;
    }
    hone::detail::Slabs::instance().trim();
#ifdef __GLIBC__
    malloc_trim(0);  // holes too: what was freed between arrays that live on
#endif
  }

 private:
  static std::int64_t rounded(std::int64_t bytes) {
    const std::int64_t unit = bytes >= 65536 ? 4096 : 64;
    return (bytes + unit - 1) / unit * unit + (bytes == 0 ? unit : 0);
  }

  std::mutex mutex_;
  std::multimap<std::int64_t, float*> free_;
  std::int64_t live_ = 0, idle_ = 0;  // bytes; live counts idle ones too
  std::int64_t most_used_ = 0;        // bytes that were not idle, at most
};

}  // namespace detail

// An uninitialised array of floats, owned; freed memory is kept for the next Buffer.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::int64_t floats) : size_(floats) {
    std::tie(data_, bytes_) = detail::BufferPool::instance().take(floats);
  }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Buffer() {
    if (data_) detail::BufferPool::instance().give(data_, bytes_);
  }

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::int64_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }

  // Gives idle activation memory back to the system, between phases of a run.
  static void trim() { detail::BufferPool::instance().trim(); }

 private:
  float* data_ = nullptr;
  std::int64_t size_ = 0;
  std::int64_t bytes_ = 0;
};

}  // namespace model
}  // namespace v0
}  // namespace hone
