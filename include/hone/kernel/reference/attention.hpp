// Attention in plain loops, the definition that the fast versions are tested against.
//
// With T = float the forward pass and every gradient chain give the bits of the fast versions; with
// T = double they are the mathematics to more digits, for finite differences.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/math.hpp"
#include "hone/core/scalar.hpp"
#include "hone/kernel/attention_shape.hpp"
#include "hone/kernel/reference/lanes.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

// Row-major without gaps: q, o [T, heads, head_dim]; k, v [T, kv_heads, head_dim].
template <class T>
struct Attention {
  const T* q = nullptr;
  const T* k = nullptr;
  const T* v = nullptr;
  T* o = nullptr;
  T* row_max = nullptr;  // [T, heads]
  T* row_sum = nullptr;  // [T, heads]
};

// The tokens that token t of segment s attends to, by ascending position.
inline std::vector<std::int64_t> context(const AttentionShape& shape,
                                         std::span<const Segment> segments, std::int32_t s,
                                         std::int64_t t) {
  std::vector<std::int64_t> tokens;
  for (std::int64_t end = t + 1; s >= 0; s = segments[static_cast<std::size_t>(s)].parent) {
    const Segment& segment = segments[static_cast<std::size_t>(s)];
    if (end < 0) end = segment.end();
    for (std::int64_t i = end - 1; i >= segment.begin; --i) tokens.push_back(i);
    end = -1;
  }
  if (shape.window > 0 && static_cast<std::int64_t>(tokens.size()) > shape.window)
    tokens.resize(static_cast<std::size_t>(shape.window));
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

// scale <q, k>, and the score with its soft cap; u = score / softcap.
template <class T>
struct Score {
  T value;
  T u;
};

template <class T>
Score<T> score(const AttentionShape& shape, const T* q, const T* k) {
  T dot(0);
  for (std::int64_t d = 0; d < shape.head_dim; ++d) dot = fma(q[d], k[d], dot);
  const T scaled = product(dot, static_cast<T>(shape.scale));
  if (shape.softcap == 0.0f) return {scaled, T(0)};
  const T cap = static_cast<T>(shape.softcap);
  const T u = tanh(scaled / cap);
  return {product(cap, u), u};
}

template <class T>
void attend_forest(const AttentionShape& shape, std::span<const Segment> segments,
                   const Attention<T>& a) {
  const std::int64_t dim = shape.head_dim;
  for (std::int32_t s = 0; s < static_cast<std::int32_t>(segments.size()); ++s) {
    const Segment& segment = segments[static_cast<std::size_t>(s)];
    for (std::int64_t t = segment.begin; t < segment.end(); ++t) {
      const auto tokens = context(shape, segments, s, t);
      const std::int64_t first =
          segment.position + (t - segment.begin) + 1 - static_cast<std::int64_t>(tokens.size());
      for (std::int64_t h = 0; h < shape.heads; ++h) {
        const T* q = a.q + (t * shape.heads + h) * dim;
        const auto key = [&](std::int64_t i) {
          return (i * shape.kv_heads + h / shape.group()) * dim;
        };
        std::vector<T> e(tokens.size());
        for (std::size_t j = 0; j < e.size(); ++j)
          e[j] = score(shape, q, a.k + key(tokens[j])).value;
        const T top = *std::max_element(e.begin(), e.end());
        LaneSum<T> total;
        for (std::size_t j = 0; j < e.size(); ++j) {
          e[j] = exp(e[j] - top);
          total.add(first + static_cast<std::int64_t>(j), e[j]);
        }
        const T z = total.sum();
        for (std::int64_t d = 0; d < dim; ++d) {
          T sum(0);
          for (std::size_t j = 0; j < e.size(); ++j) sum = fma(e[j], a.v[key(tokens[j]) + d], sum);
          a.o[(t * shape.heads + h) * dim + d] = sum / z;
        }
        a.row_max[t * shape.heads + h] = top;
        a.row_sum[t * shape.heads + h] = z;
      }
    }
  }
}

// Adds to dq [T, heads, head_dim], dk and dv [T, kv_heads, head_dim].
template <class T>
void attend_forest_backward(const AttentionShape& shape, std::span<const Segment> segments,
                            const Attention<T>& a, const T* d_o, T* dq, T* dk, T* dv) {
  const std::int64_t dim = shape.head_dim;
  for (std::int32_t s = 0; s < static_cast<std::int32_t>(segments.size()); ++s) {
    const Segment& segment = segments[static_cast<std::size_t>(s)];
    for (std::int64_t t = segment.begin; t < segment.end(); ++t) {
      const auto tokens = context(shape, segments, s, t);
      for (std::int64_t head = 0; head < shape.heads; ++head) {
        const std::int64_t row = (t * shape.heads + head) * dim;
        const T z = a.row_sum[t * shape.heads + head];
        std::vector<T> h(static_cast<std::size_t>(dim));
        LaneSum<T> total;
        for (std::int64_t d = 0; d < dim; ++d) {
          h[static_cast<std::size_t>(d)] = d_o[row + d] / z;
          total.add_product(d, h[static_cast<std::size_t>(d)], a.o[row + d]);
        }
        const T mean = total.sum();
        for (const std::int64_t i : tokens) {
          const std::int64_t key = (i * shape.kv_heads + head / shape.group()) * dim;
          const auto [value, u] = score(shape, a.q + row, a.k + key);
          const T e = exp(value - a.row_max[t * shape.heads + head]);
          T dp(0);
          for (std::int64_t d = 0; d < dim; ++d)
            dp = fma(h[static_cast<std::size_t>(d)], a.v[key + d], dp);
          const T slope = product(fma(-u, u, T(1)), static_cast<T>(shape.scale));
          const T ds = product(product(e, dp - mean), slope);
          for (std::int64_t d = 0; d < dim; ++d) {
            dq[row + d] = fma(ds, a.k[key + d], dq[row + d]);
            dk[key + d] = fma(ds, a.q[row + d], dk[key + d]);
            dv[key + d] = fma(e, h[static_cast<std::size_t>(d)], dv[key + d]);
          }
        }
      }
    }
  }
}

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
