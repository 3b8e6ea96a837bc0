// A running sum whose bits do not depend on the order of its terms.
//
// A term is split into a multiple of 2^Quantum, a multiple of 2^(Quantum - 26) and a rest that is
// dropped. Multiples of one power of two add exactly in a double, so any order, any split into
// batches, threads or processes gives the same result (the pre-rounding of Demmel & Nguyen, "Fast
// reproducible floating-point summation", ARITH 2013). This holds while the sum of |terms| stays
// below 2^(53 + Quantum) and their number below 2^28; beyond, it is an ordinary sum.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {

// The default holds sums up to 10^5 with a resolution of 10^-19 per term: for weighted means. Sums
// of many terms of order 1 want Quantum = -16.
template <int Quantum = -36>
class OrderFreeSum {
 public:
  HONE_HD void add(double x) { split(x, high_, low_); }

  void add(const float* x, std::int64_t n) {
    constexpr std::int64_t block = 512;
    for (; n >= block; x += block, n -= block)
      if (!add_small<block>(x)) add_any(x, block);
    add_any(x, n);
  }

  HONE_HD void add(const OrderFreeSum& other) {
    high_ += other.high_;
    low_ += other.low_;
  }

  HONE_HD double value() const { return high_ + low_; }

  // The two numbers that a sum is, for threads that add up theirs: each of them in any order.
  HONE_HD double high() const { return high_; }
  HONE_HD double low() const { return low_; }
  HONE_HD static OrderFreeSum of(double high, double low) {
    OrderFreeSum out;
    out.high_ = high;
    out.low_ = low;
    return out;
  }

 private:
  // Four terms side by side: the sums are exact, so it does not matter which.
  using Quad [[gnu::vector_size(32)]] = double;
  using Whole [[gnu::vector_size(32)]] = std::uint64_t;
  using Bits [[gnu::vector_size(32)]] = std::int32_t;

  static constexpr double power_of_two(int e) {
    double p = 1;
    for (; e > 0; --e) p *= 2;
    for (; e < 0; ++e) p /= 2;
    return p;
  }

  // Adding and subtracting 1.5 2^52 q rounds to a multiple of q.
  static constexpr double coarse = 1.5 * power_of_two(52 + Quantum);
  static constexpr double fine = 1.5 * power_of_two(52 + Quantum - 26);

  template <class X>
  HONE_HD static void split(const X& x, X& high, X& low) {
    const X h = (x + coarse) - coarse;
    const X l = ((x - h) + fine) - fine;
    high += h;
    low += l;
  }

  void add_any(const float* x, std::int64_t n) {
    Quad high{}, low{};
    for (std::int64_t quads = n / 4; quads > 0; --quads, x += 4) {
      const Quad q = {x[0], x[1], x[2], x[3]};
      split(q, high, low);
    }
    for (int i = 0; i < n % 4; ++i) add(static_cast<double>(x[i]));
    for (int l = 0; l < 4; ++l) {
      high_ += high[l];
      low_ += low[l];
    }
  }

  // The bits of x + fine are those of fine plus x in units of 2^(Quantum - 26), if |x| is below
  // 2^(Quantum + 25): the same sum, added as integers in half the time. False, and nothing is
  // added, if some |x| is not.
  template <int N>
  bool add_small(const float* x) {
    Whole sums{};
    Bits largest{};
    for (int i = 0; i < N; i += 8) {
      Bits bits;
      std::memcpy(&bits, x + i, sizeof bits);
      bits &= INT32_MAX;
      largest = bits > largest ? bits : largest;
      const Quad first = {x[i], x[i + 1], x[i + 2], x[i + 3]};
      const Quad second = {x[i + 4], x[i + 5], x[i + 6], x[i + 7]};
      sums += reinterpret_cast<Whole>(first + fine) + reinterpret_cast<Whole>(second + fine);
    }
    constexpr auto limit =
        std::bit_cast<std::int32_t>(static_cast<float>(power_of_two(Quantum + 25)));
    for (int l = 0; l < 8; ++l)
      if (largest[l] >= limit) return false;
    const auto units = static_cast<std::int64_t>(sums[0] + sums[1] + sums[2] + sums[3] -
                                                 N * std::bit_cast<std::uint64_t>(fine));
    high_ += static_cast<double>(units >> 26) * power_of_two(Quantum);
    low_ += static_cast<double>(units & ((1 << 26) - 1)) * power_of_two(Quantum - 26);
    return true;
  }

  double high_ = 0, low_ = 0;
};

}  // namespace v0
}  // namespace hone
