// The head pass unfused: all logits stored, one plain loop after the other.
//
// With T = float it gives the bits of the fused version; with T = double it is the mathematics to
// more digits.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/math.hpp"
#include "hone/kernel/head_shape.hpp"
#include "hone/kernel/reference/lanes.hpp"
#include "hone/kernel/reference/linear.hpp"
#include "hone/kernel/reference/log_softmax.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace reference {

template <class T>
struct HeadPass {
  HeadShape s;
  std::vector<T> x;       // [rows, dim]
  std::vector<T> logits;  // [rows, vocab], capped
  std::vector<LogSoftmaxRow<T>> stats;
  std::vector<T> logprobs, entropies;  // [rows]

  template <class Index>
  HeadPass(const HeadShape& shape, const T* hidden, const T* panels, const Index* index,
           const Token* targets)
      : s(shape) {
    const std::int64_t ld = s.ld_hidden ? s.ld_hidden : s.dim;
    for (std::int64_t r = 0; r < s.rows; ++r)
      x.insert(x.end(), hidden + index[r] * ld, hidden + index[r] * ld + s.dim);
    logits.resize(static_cast<std::size_t>(s.rows * s.vocab));
    linear<T>({.rows = s.rows, .in = s.dim, .out = s.vocab}, x.data(), panels, nullptr,
              logits.data());
    const T cap = static_cast<T>(s.softcap);
    if (cap > 0)
      for (T& z : logits) z = product(cap, tanh(z / cap));
    for (std::int64_t r = 0; r < s.rows; ++r) {
      const T* z = logits.data() + r * s.vocab;
      stats.push_back(log_softmax_stats(z, s.vocab, static_cast<T>(s.temperature)));
      logprobs.push_back(logprob(stats.back(), z[targets[r]]));
      entropies.push_back(stats.back().entropy);
    }
  }

  // sum over v of p_v (log p_v - log q_v), q the distribution of the reference's row
  std::vector<T> divergences(const HeadPass& reference) const {
    std::vector<T> out;
    for (std::int64_t r = 0; r < s.rows; ++r) {
      const auto& row = stats[static_cast<std::size_t>(r)];
      const auto& q = reference.stats[static_cast<std::size_t>(r)];
      LaneSum<T> apart;
      for (std::int64_t v = 0; v < s.vocab; ++v)
        apart.add_product(v, exp(logits[index_of(r, v)] / row.temperature - row.max),
                          log_ratio(reference, r, v));
      out.push_back(apart.sum() / row.sum + (q.log_sum - row.log_sum));
    }
    return out;
  }

  // The derivative by each logit before the cap, given those by log-probabilities, entropies (or
  // null) and the KL to a reference (or null).
  std::vector<T> dlogits(const Token* targets, const T* d_logprobs, const T* d_entropies,
                         const HeadPass* reference = nullptr, const T* d_kls = nullptr) const {
    const std::vector<T> kls = d_kls ? divergences(*reference) : std::vector<T>();
    std::vector<T> d(logits.size());
    const T cap = static_cast<T>(s.softcap);
    for (std::int64_t r = 0; r < s.rows; ++r)
      for (std::int64_t v = 0; v < s.vocab; ++v) {
        const auto i = static_cast<std::size_t>(r * s.vocab + v);
        const LogSoftmaxRow<T>& row = stats[static_cast<std::size_t>(r)];
        const T shifted = logits[i] / row.temperature - row.max;
        const T p = exp(shifted) / row.sum;
        T slope = d_logprobs[r];
        if (d_entropies) {
          const T excess = max(shifted, T(-128)) - row.log_sum + row.entropy;
          slope = fma(d_entropies[r], excess, slope);
        }
        if (d_kls) {
          const T difference = reference->stats[static_cast<std::size_t>(r)].log_sum - row.log_sum;
          const T excess = log_ratio(*reference, r, v) + difference;
          slope = fma(-d_kls[r], excess - kls[static_cast<std::size_t>(r)], slope);
        }
        d[i] = product(-p, slope);
        if (v == targets[r]) d[i] += d_logprobs[r];
        d[i] = d[i] / row.temperature;
        if (cap > 0) {
          const T t = logits[i] / cap;
          d[i] = product(d[i], fma(-t, t, T(1)));
        }
      }
    return d;
  }

  template <class Index>
  void gradients(const T* panels, const Index* index, const Token* targets, const T* d_logprobs,
                 const T* d_entropies, T* dhidden, T* dpanels, const HeadPass* reference = nullptr,
                 const T* d_kls = nullptr) const {
    const auto d = dlogits(targets, d_logprobs, d_entropies, reference, d_kls);
    const LinearShape linear_shape{.rows = s.rows, .in = s.dim, .out = s.vocab};
    if (dpanels) linear_weight_gradient<T>(linear_shape, d.data(), x.data(), dpanels, nullptr);
    if (!dhidden) return;
    std::vector<T> dx(x.size());
    linear_input_gradient<T>(linear_shape, d.data(), panels, dx.data());
    const std::int64_t ld = s.ld_hidden ? s.ld_hidden : s.dim;
    for (std::int64_t r = 0; r < s.rows; ++r)
      for (std::int64_t k = 0; k < s.dim; ++k)
        dhidden[index[r] * ld + k] += dx[static_cast<std::size_t>(r * s.dim + k)];
  }

 private:
  std::size_t index_of(std::int64_t r, std::int64_t v) const {
    return static_cast<std::size_t>(r * s.vocab + v);
  }
  // log p_v - log q_v up to the difference of their log sums
  T log_ratio(const HeadPass& reference, std::int64_t r, std::int64_t v) const {
    const auto& row = stats[static_cast<std::size_t>(r)];
    const auto& q = reference.stats[static_cast<std::size_t>(r)];
    const T shifted = logits[index_of(r, v)] / row.temperature - row.max;
    const T q_shifted = reference.logits[index_of(r, v)] / q.temperature - q.max;
    return max(shifted, T(-128)) - max(q_shifted, std::numeric_limits<T>::lowest());
  }
};

}  // namespace reference
}  // namespace kernel
}  // namespace v0
}  // namespace hone
