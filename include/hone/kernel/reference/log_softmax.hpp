// The statistics of a row of logits in plain loops. With T = float it gives the bits of the fast
// version; with T = double it is the mathematics to more digits.
#pragma once

#include <cstdint>
#include <limits>

#include "hone/core/math.hpp"
#include "hone/kernel/reference/lanes.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

template <class T>
struct LogSoftmaxRow {
  T max{}, sum{}, log_sum{}, entropy{}, temperature{};
};

template <class T>
LogSoftmaxRow<T> log_softmax_stats(const T* z, std::int64_t vocab, T temperature = T(1)) {
  LogSoftmaxRow<T> row;
  row.temperature = temperature;
  T top = -std::numeric_limits<T>::infinity();
  for (std::int64_t v = 0; v < vocab; ++v) top = max(top, z[v]);
  row.max = top / temperature + T(0);
  LaneSum<T> total, weighted;
  for (std::int64_t v = 0; v < vocab; ++v) {
    const T d = z[v] / temperature - row.max;
    const T e = exp(d);
    total.add(v, e);
    weighted.add_product(v, e, max(d, T(-128)));
  }
  row.sum = total.sum();
  row.log_sum = log(row.sum);
  row.entropy = row.log_sum - weighted.sum() / row.sum;
  return row;
}

template <class T>
T logprob(const LogSoftmaxRow<T>& row, T z) {
  return z / row.temperature - row.max - row.log_sum;
}

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
