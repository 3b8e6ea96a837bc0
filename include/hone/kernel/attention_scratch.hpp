// Aligned storage for attention: caches that keep it, and per-thread scratch that is used again.
#pragma once

#include <cstdint>
#include <vector>

#include "hone/core/slabs.hpp"
#include "hone/kernel/scratch.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

// Cache lines begin at multiples of 64 bytes; a pack that straddles two costs two loads.
template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(hone::detail::take_lines(bytes(n))); }
  void deallocate(T* p, std::size_t n) { hone::detail::give_lines(p, bytes(n)); }
  bool operator==(const LineAllocator&) const { return true; }

 private:
  static std::int64_t bytes(std::size_t n) {
    return static_cast<std::int64_t>((n * sizeof(T) + 63) / 64 * 64);
  }
};

using LineVector = std::vector<float, LineAllocator<float>>;

constexpr std::int64_t round_up(std::int64_t n, std::int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

// The distance between rows of scratch: a multiple of a cache line, but no power of two, since
// rows at such distances compete for the same few lines of the first-level cache.
constexpr std::int64_t row_distance(std::int64_t n) {
  const std::int64_t padded = round_up(n, 16);
  return padded % 64 == 0 ? padded + 16 : padded;
}

// Cuts one block of scratch into aligned parts. A layout is a function of a Carver: run without a
// block it measures, run with one it hands out.
class Carver {
 public:
  explicit Carver(float* block = nullptr) : block_(block) {}
  float* operator()(std::int64_t n) {
    float* part = block_ == nullptr ? nullptr : block_ + used_;
    used_ += round_up(n, 16);
    return part;
  }
  std::int64_t used() const { return used_; }

 private:
  float* block_;
  std::int64_t used_ = 0;
};

// Memory of one thread, kept from call to call.
template <class T, class Use>
std::vector<T>& thread_vector() {
  thread_local std::vector<T> vector;
  vector.clear();
  return vector;
}

// `n` floats of the calling thread; what an earlier call handed out is gone.
inline float* thread_floats(std::int64_t n) {
  thread_local Scratch floats;
  return floats.get(n);
}

// Lays out scratch of the calling thread: layout(carver) assigns the parts.
template <class Layout>
void lay_out(const Layout& layout) {
  Carver measure;
  layout(measure);
  Carver carve(thread_floats(measure.used()));
  layout(carve);
}

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
