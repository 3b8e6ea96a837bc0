// Runs a step policy from the end of every sequence, 16 sequences side by side.
//
// A lane of the pack is a sequence, so the recursion costs one pack operation for 16 tokens and its
// order within a sequence is that of the formula. What a sequence gets does not depend on its lane,
// on its neighbours or on the thread count. Sequences with gaps are compacted first: a policy never
// sees a gap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <vector>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "hone/advantage/policy.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

namespace detail {

inline constexpr int tile = 64;  // tokens that are transposed at once

// The sampled tokens of one sequence as contiguous arrays: in place, or copied without the gaps.
struct Lane {
  const float* rewards = nullptr;
  const float* values = nullptr;
  float* advantages = nullptr;
  float* returns = nullptr;
  std::int64_t length = 0;
  std::int64_t sequence = 0;
  std::vector<float> copy;  // rewards, values, advantages, returns, if there are gaps
  std::vector<std::int64_t> places;
};

inline void zero(const Estimate& out, std::int64_t begin, std::int64_t end) {
  const auto i = static_cast<std::size_t>(begin), n = static_cast<std::size_t>(end - begin);
  std::fill_n(out.advantages.data() + i, n, 0.0f);
  if (!out.returns.empty()) std::fill_n(out.returns.data() + i, n, 0.0f);
}

inline void open_lane(Lane& lane, const Trajectories& in, const Estimate& out, std::int64_t s) {
  const std::int64_t begin = in.offsets[static_cast<std::size_t>(s)];
  const std::int64_t end = in.offsets[static_cast<std::size_t>(s) + 1];
  lane.sequence = s;
  lane.places.clear();
  std::int64_t first = begin, last = end;
  while (first < last && !in.sampled(first)) ++first;
  while (last > first && !in.sampled(last - 1)) --last;
  zero(out, begin, first);
  zero(out, last, end);
  const bool gaps = !in.mask.empty() && first < last &&
                    std::memchr(in.mask.data() + first, 0, static_cast<std::size_t>(last - first));
  if (!gaps) {
    lane.length = last - first;
    lane.rewards = in.token_rewards.data() + first;
    lane.values = in.values.empty() ? nullptr : in.values.data() + first;
    lane.advantages = out.advantages.data() + first;
    lane.returns = out.returns.empty() ? nullptr : out.returns.data() + first;
    return;
  }
  zero(out, first, last);
  for (std::int64_t t = first; t < last; ++t)
    if (in.sampled(t)) lane.places.push_back(t);
  const std::size_t n = lane.places.size();
  lane.length = static_cast<std::int64_t>(n);
  lane.copy.assign(4 * n, 0.0f);
  for (std::size_t i = 0; i < n; ++i) {
    const auto t = static_cast<std::size_t>(lane.places[i]);
    lane.copy[i] = in.token_rewards[t];
    if (!in.values.empty()) lane.copy[n + i] = in.values[t];
  }
  lane.rewards = lane.copy.data();
  lane.values = in.values.empty() ? nullptr : lane.copy.data() + n;
  lane.advantages = lane.copy.data() + 2 * n;
  lane.returns = out.returns.empty() ? nullptr : lane.copy.data() + 3 * n;
}

inline void close_lane(const Lane& lane, const Estimate& out) {
  for (std::size_t i = 0; i < lane.places.size(); ++i) {
    const auto t = static_cast<std::size_t>(lane.places[i]);
    out.advantages[t] = lane.advantages[i];
    if (lane.returns) out.returns[t] = lane.returns[i];
  }
}

// out[j * 16 + k] = in[k][j] for `tile` numbers of 16 rows.
inline void transpose(const float* const (&in)[16], float* out) {
#if defined(__SSE__)
  for (int k = 0; k < 16; k += 4)
    for (int j = 0; j < tile; j += 4) {
      __m128 a = _mm_loadu_ps(in[k] + j), b = _mm_loadu_ps(in[k + 1] + j);
      __m128 c = _mm_loadu_ps(in[k + 2] + j), d = _mm_loadu_ps(in[k + 3] + j);
      _MM_TRANSPOSE4_PS(a, b, c, d);
      float* to = out + j * 16 + k;
      _mm_store_ps(to, a);
      _mm_store_ps(to + 16, b);
      _mm_store_ps(to + 32, c);
      _mm_store_ps(to + 48, d);
    }
#else
  for (int k = 0; k < 16; ++k)
    for (int j = 0; j < tile; ++j) out[j * 16 + k] = in[k][j];
#endif
}

// out[k][j] = in[j * 16 + k].
inline void transpose(const float* in, float* const (&out)[16]) {
#if defined(__SSE__)
  for (int k = 0; k < 16; k += 4)
    for (int j = 0; j < tile; j += 4) {
      const float* from = in + j * 16 + k;
      __m128 a = _mm_load_ps(from), b = _mm_load_ps(from + 16);
      __m128 c = _mm_load_ps(from + 32), d = _mm_load_ps(from + 48);
      _MM_TRANSPOSE4_PS(a, b, c, d);
      _mm_storeu_ps(out[k] + j, a);
      _mm_storeu_ps(out[k + 1] + j, b);
      _mm_storeu_ps(out[k + 2] + j, c);
      _mm_storeu_ps(out[k + 3] + j, d);
    }
#else
  for (int k = 0; k < 16; ++k)
    for (int j = 0; j < tile; ++j) out[k][j] = in[j * 16 + k];
#endif
}

// Some tokens of sixteen lanes; row j holds token j of every lane.
struct Tile {
  alignas(64) float numbers[tile][16];
};

// Reads tokens [length - done - tile, length - done) of each lane; before its first stands 0.
inline void load_tile(const Lane* lanes, int count, std::int64_t done, const float* Lane::*source,
                      Tile& out) {
  float padded[16][tile];
  const float* from[16];
  for (int k = 0; k < 16; ++k) {
    const std::int64_t last = k < count ? lanes[k].length - done : 0;
    from[k] = padded[k];
    if (last >= tile) {
      from[k] = lanes[k].*source + last - tile;
    } else {
      std::fill_n(padded[k], tile, 0.0f);
      if (last > 0) std::copy_n(lanes[k].*source, last, padded[k] + tile - last);
    }
  }
  transpose(from, out.numbers[0]);
}

inline void store_tile(const Lane* lanes, int count, std::int64_t done, float* Lane::*target,
                       const Tile& in) {
  float padded[16][tile];
  float* to[16];
  for (int k = 0; k < 16; ++k) {
    const std::int64_t last = k < count ? lanes[k].length - done : 0;
    to[k] = last >= tile ? lanes[k].*target + last - tile : padded[k];
  }
  transpose(in.numbers[0], to);
  for (int k = 0; k < count; ++k) {
    const std::int64_t last = lanes[k].length - done;
    if (last > 0 && last < tile) std::copy_n(padded[k] + tile - last, last, lanes[k].*target);
  }
}

template <class P>
void scan_lanes(const P& policy, const Trajectories& in, const Lane* lanes, int count,
                bool wants_returns) {
  constexpr bool with_values = needs_values_v<P>;
  float end_value[16] = {}, length[16] = {}, greedy[16] = {};
  std::int64_t longest = 0;
  for (int k = 0; k < count; ++k) {
    const auto s = static_cast<std::size_t>(lanes[k].sequence);
    if (with_values && in.cut_off(lanes[k].sequence)) end_value[k] = in.bootstrap[s];
    if constexpr (needs_greedy_baseline_v<P>) greedy[k] = in.greedy_scores[s];
    length[k] = static_cast<float>(lanes[k].length);
    longest = std::max(longest, lanes[k].length);
  }
  pack next_value = pack::load(end_value), next_advantage = 0.0f, next_target = next_value;
  const pack lengths = pack::load(length), greedy_scores = pack::load(greedy);
  Tile rewards, values, advantages, returns;
  for (std::int64_t done = 0; done < longest; done += tile) {
    load_tile(lanes, count, done, &Lane::rewards, rewards);
    if constexpr (with_values) load_tile(lanes, count, done, &Lane::values, values);
    for (int j = tile; j-- > 0;) {
      const pack value = with_values ? pack::load(values.numbers[j]) : pack(0.0f);
      using T = dual<pack, 0>;
      const Step<T> step = apply_step<T>(policy, {.reward = pack::load(rewards.numbers[j]),
                                                  .value = value,
                                                  .next_value = next_value,
                                                  .next = {next_advantage, next_target},
                                                  .length = lengths,
                                                  .greedy_score = greedy_scores});
      next_advantage = step.advantage.value;
      next_target = step.target.value;
      next_advantage.store(advantages.numbers[j]);
      next_target.store(returns.numbers[j]);
      next_value = value;
    }
    store_tile(lanes, count, done, &Lane::advantages, advantages);
    if (wants_returns) store_tile(lanes, count, done, &Lane::returns, returns);
  }
}

// A_t and R_t at every sampled token, 0 at the others.
template <class P>
void scan(const P& policy, const Trajectories& in, const Estimate& out) {
  // Sequences of like length share a pack; which ones changes no result.
  std::vector<std::int64_t> order(static_cast<std::size_t>(in.sequences()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto tokens = [&](std::int64_t s) {
    return in.offsets[static_cast<std::size_t>(s) + 1] - in.offsets[static_cast<std::size_t>(s)];
  };
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return tokens(a) != tokens(b) ? tokens(a) > tokens(b) : a < b;
  });
  parallel_for((in.sequences() + 15) / 16, [&](std::int64_t chunk) {
    Lane lanes[16];
    const int count = static_cast<int>(std::min<std::int64_t>(16, in.sequences() - chunk * 16));
    for (int k = 0; k < count; ++k)
      open_lane(lanes[k], in, out, order[static_cast<std::size_t>(chunk * 16 + k)]);
    scan_lanes(policy, in, lanes, count, !out.returns.empty());
    for (int k = 0; k < count; ++k) close_lane(lanes[k], out);
  });
}

}  // namespace detail
}  // namespace advantage
}  // namespace v0
}  // namespace hone
