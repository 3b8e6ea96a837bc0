// The order of a sum across lanes, in plain loops: 16 chains by index modulo 16, then the one tree.
#pragma once

#include <cstdint>

#include "hone/core/scalar.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

template <class T>
struct LaneSum {
  T lane[16] = {};

  void add(std::int64_t index, T x) { lane[index % 16] += x; }
  void add_product(std::int64_t index, T a, T b) { lane[index % 16] = fma(a, b, lane[index % 16]); }
  T sum() const {
    T tree[16];
    for (int l = 0; l < 16; ++l) tree[l] = lane[l];
    for (int half = 8; half > 0; half /= 2)
      for (int l = 0; l < half; ++l) tree[l] += tree[l + half];
    return tree[0];
  }
};

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
