// One block of rows of the fused head: its logits are the only ones that exist.
//
// The derivative replaces the block's logits in place. Where an objective takes the exact KL to a
// reference, that model's logits of the same rows stand beside them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "hone/core/forest.hpp"
#include "hone/core/math.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/attention_scratch.hpp"
#include "hone/kernel/head_logits.hpp"
#include "hone/kernel/head_shape.hpp"
#include "hone/kernel/linear_shape.hpp"
#include "hone/kernel/log_softmax.hpp"
#include "hone/kernel/scratch.hpp"
#include "hone/kernel/tile.hpp"
#include "hone/kernel/transpose.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

class HeadBlock {
 public:
  static constexpr std::int64_t most_rows = 384;

  // Rows of a block: as many as the budget allows for one head or two, in whole packs, the same in
  // every block.
  static std::int64_t rows_of(const HeadShape& s, bool reference) {
    const std::int64_t bytes = reference ? s.block_bytes / 2 : s.block_bytes;
    const std::int64_t fit = bytes / (panel_count(s.vocab) * 64) / 16 * 16;
    const std::int64_t most = std::clamp<std::int64_t>(fit, 16, most_rows);
    const std::int64_t blocks = std::max<std::int64_t>(1, (s.rows + most - 1) / most);
    return round_up((s.rows + blocks - 1) / blocks, 16);
  }

  // `room`: rows of the largest block; what the later steps need is laid out only if they come.
  HeadBlock(const HeadShape& s, const float* panels, const HeadReference* reference,
            std::int64_t room, bool weight_gradient, bool input_gradient)
      : s_(s), np_(panel_count(s.vocab)), ld_(row_distance(s.dim)), has_reference_(reference) {
    const std::int64_t group = std::clamp<std::int64_t>(np_ / (8 * std::int64_t{threads()}), 1, 32);
    const auto side = [&](const float* weights, std::int64_t dim, std::int64_t ld, float cap) {
      return HeadLogits{.panels = weights,
                        .dim = dim,
                        .vocab = s.vocab,
                        .ld_hidden = ld,
                        .softcap = cap,
                        .ld = row_distance(dim),
                        .np = np_,
                        .group = group};
    };
    own_ = side(panels, s.dim, s.ld_hidden, s.softcap);
    if (reference)
      beside_ =
          side(reference->panels, reference->dim,
               reference->ld_hidden ? reference->ld_hidden : reference->dim, reference->softcap);
    const auto layout = [&](auto& carve) {
      own_.layout(carve, room);
      if (reference) beside_.layout(carve, room);
      xs_ = weight_gradient ? carve(round_up(s.dim, tile_height) * room) : nullptr;
      dx_ = input_gradient ? carve(room * ld_) : nullptr;
      logprobs = carve(room);
      entropies = carve(room);
      kls = carve(room);
      d_logprobs = carve(room);
      d_entropies = carve(room);
      d_kls = carve(room);
    };
    Carver measure;
    layout(measure);
    // The thread's own block, unless an objective runs a second head inside the first.
    Scratch& scratch = kept_in_use() ? scratch_ : kept();
    borrowed_ = &scratch != &scratch_;
    if (borrowed_) kept_in_use() = true;
    Carver carve(scratch.get(measure.used()));
    layout(carve);
  }
  HeadBlock(const HeadBlock&) = delete;
  HeadBlock& operator=(const HeadBlock&) = delete;
  ~HeadBlock() {
    if (borrowed_) kept_in_use() = false;
  }

  // [rows] of the block
  float *logprobs, *entropies, *kls, *d_logprobs, *d_entropies, *d_kls;

  // Takes in the hidden states of the next rows, and the reference's.
  void gather(const float* hidden, const float* reference, const std::int64_t* index,
              const Token* targets, std::int64_t rows) {
    rows_ = rows;
    targets_ = targets;
    own_.gather(hidden, index, rows);
    if (has_reference_) beside_.gather(reference, index, rows);
  }

  void multiply() const {
    own_.multiply();
    if (has_reference_) beside_.multiply();
  }

  // Log-probabilities of the targets, entropies and the KL if they are asked for.
  template <bool Entropy, bool Kl>
  void normalise() {
    constexpr std::int64_t together = 8;
    parallel_for((rows_ + together - 1) / together, [&](std::int64_t c) {
      const std::int64_t m = c * together, count = std::min(together, rows_ - m);
      if (s_.temperature == 1.0f)
        normalise<Entropy, Kl, false>(m, count);
      else
        normalise<Entropy, Kl, true>(m, count);
    });
  }

  // Z = derivative by the logits; dpanels takes it times x if it is not null.
  template <bool Entropy, bool Kl>
  void weight_gradient(float* dpanels) {
    if (dpanels) pack_inputs();
    parallel_for(own_.groups(), [&](std::int64_t g) {
      for (std::int64_t p = g * own_.group; p < own_.group_end(g); p += 8) {
        const std::int64_t end = std::min(p + 8, own_.group_end(g));
        for (std::int64_t q = p; q < end; ++q) differentiate<Entropy, Kl>(q);
        if (dpanels) add_weight_gradient(p, end, dpanels);
      }
    });
  }

  // dhidden[index[m]] += Z W, row after row. Z holds the derivative.
  void input_gradient(float* dhidden, const std::int64_t* index) {
    const std::int64_t columns = panel_count(s_.dim);
    const std::int64_t parts = std::min<std::int64_t>(columns, 2 * std::int64_t{threads()});
    parallel_for(parts, [&](std::int64_t c) {
      const std::int64_t first = columns * c / parts * 16;
      const std::int64_t last = std::min(s_.dim, columns * (c + 1) / parts * 16);
      add_input_gradient(first, last);
      for (std::int64_t m = 0; m < rows_; ++m) {
        float* to = dhidden + index[m] * s_.ld_hidden;
        for (std::int64_t k = first; k < last; k += 16) {
          const int count = static_cast<int>(std::min<std::int64_t>(16, last - k));
          (pack::load(to + k, count) + pack::load(dx_ + m * ld_ + k)).store(to + k, count);
        }
      }
    });
  }

 private:
  static Scratch& kept() {
    thread_local Scratch scratch;
    return scratch;
  }
  static bool& kept_in_use() {
    thread_local bool value = false;
    return value;
  }

  float* z(std::int64_t p, std::int64_t m) const { return own_.z(p, m); }
  int width(std::int64_t p) const { return own_.width(p); }

  template <bool Entropy, bool Kl, bool Divide>
  void normalise(std::int64_t first, std::int64_t count) {
    const pack temperature(s_.temperature);
    float top[8], beside_top[8];
    pack total[8], weighted[8], beside_total[8], apart[8];
    for (std::int64_t i = 0; i < count; ++i) {
      top[i] = own_.top(first + i, s_.temperature);
      total[i] = weighted[i] = pack(0.0f);
      if constexpr (Kl) {
        beside_top[i] = beside_.top(first + i, s_.temperature);
        beside_total[i] = apart[i] = pack(0.0f);
      }
    }
    for (std::int64_t p = 0; p < np_; ++p)
      for (std::int64_t i = 0; i < count; ++i) {
        const float* at = z(p, first + i);
        __builtin_prefetch(at + 4 * rows_ * 16);
        add_logits<Entropy, Divide>(pack::load(at), temperature, pack(top[i]), total[i],
                                    weighted[i]);
        if constexpr (Kl)
          add_divergence<Divide>(pack::load(at), pack::load(beside_.z(p, first + i)), temperature,
                                 pack(top[i]), pack(beside_top[i]), beside_total[i], apart[i]);
      }
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t m = first + i, target = targets_[m];
      const LogSoftmaxRow& row = own_.stats_[m] =
          finish_row<Entropy>(top[i], s_.temperature, total[i], weighted[i]);
      logprobs[m] = logprob(row, z(target / 16, m)[target % 16]);
      entropies[m] = row.entropy;
      kls[m] = 0.0f;
      if constexpr (Kl) {
        beside_.stats_[m] =
            finish_row<false>(beside_top[i], s_.temperature, beside_total[i], pack(0.0f));
        kls[m] = sum(apart[i]) / row.sum + (beside_.stats_[m].log_sum - row.log_sum);
      }
    }
  }

  // With s = z / T, p = softmax(s), q that of the reference:
  // d/ds_v = [v = target] dlogprob
  //          - p_v (dlogprob + dentropy (log p_v + entropy) - dkl (log p_v - log q_v - kl))
  template <bool Entropy, bool Kl>
  void differentiate(std::int64_t p) const {
    const pack temperature(s_.temperature), cap(s_.softcap);
    const pack_mask exists = pack_mask::first(width(p));
    for (std::int64_t m = 0; m < rows_; ++m) {
      const LogSoftmaxRow& row = own_.stats_[m];
      const pack x = pack::load(z(p, m));
      const pack shifted = (s_.temperature == 1.0f ? x : x / temperature) - pack(row.max);
      const pack probability = exp(shifted) / pack(row.sum);
      pack slope(d_logprobs[m]);
      if constexpr (Entropy) {
        const pack excess = max(shifted, pack(-128.0f)) - pack(row.log_sum) + pack(row.entropy);
        slope = fma(pack(d_entropies[m]), excess, slope);
      }
      if constexpr (Kl) {
        const LogSoftmaxRow& q = beside_.stats_[m];
        const pack y = pack::load(beside_.z(p, m));
        const pack q_shifted = (s_.temperature == 1.0f ? y : y / temperature) - pack(q.max);
        const pack log_ratio = log_ratio_of(shifted, q_shifted) + pack(q.log_sum - row.log_sum);
        slope = fma(pack(-d_kls[m]), log_ratio - pack(kls[m]), slope);
      }
      pack d = -probability * slope;
      if (targets_[m] / 16 == p) {
        float lanes[16];
        d.store(lanes);
        lanes[targets_[m] % 16] += d_logprobs[m];
        d = pack::load(lanes);
      }
      if (s_.temperature != 1.0f) d /= temperature;
      if (s_.softcap > 0.0f) {
        const pack t = x / cap;
        d *= fma(-t, t, pack(1.0f));
      }
      if (width(p) < 16) d = select(exists, d, pack(0.0f));
      d.store(z(p, m));
    }
  }

  // xs[tile of inputs][m][tile_height]
  void pack_inputs() const {
    parallel_for((s_.dim + tile_height - 1) / tile_height, [&](std::int64_t t) {
      const std::int64_t k = t * tile_height,
                         count = std::min<std::int64_t>(tile_height, s_.dim - k);
      float* to = xs_ + k * rows_;
      for (std::int64_t m = 0; m < rows_; ++m, to += tile_height)
        if (count == tile_height)
          std::memcpy(to, own_.x(m) + k, sizeof(float) * tile_height);
        else
          std::copy_n(own_.x(m) + k, count, to);
    });
  }

  void add_weight_gradient(std::int64_t first, std::int64_t last, float* dpanels) const {
    constexpr std::int64_t part = 32 * tile_height;
    for (std::int64_t begin = 0; begin < s_.dim; begin += part)
      each_packs(first, last, last, [&]<int N>(std::int64_t p) {
        for (std::int64_t k = begin; k < std::min(s_.dim, begin + part); k += tile_height)
          weight_tile<N>(p, k, dpanels);
      });
  }

  // Inputs from k on, N panels from p on.
  template <int N>
  void weight_tile(std::int64_t p, std::int64_t k, float* dpanels) const {
    float* const to = dpanels + (p * s_.dim + k) * 16;
    for (int i = 0; i < N * tile_height; ++i)  // of the tile after the next
      __builtin_prefetch(
          to + i / tile_height * s_.dim * 16 + (2 * tile_height + i % tile_height) * 16, 1);
    tile_of<N, tile_height>(std::min<std::int64_t>(tile_height, s_.dim - k),
                            {.start = to,
                             .start_row = 16,
                             .start_pack = s_.dim * 16,
                             .to = to,
                             .to_row = 16,
                             .to_pack = s_.dim * 16,
                             .a = xs_ + k * rows_,
                             .a_row = 1,
                             .b = z(p, 0),
                             .b_pack = rows_ * 16,
                             .steps = rows_});
  }

  static constexpr std::int64_t block_size = 16 * 256;  // a pack of inputs, up to 16 panels

  // dx[m, k] = sum over v ascending of Z[m, v] W[v, k] for k in [first, last)
  void add_input_gradient(std::int64_t first, std::int64_t last) const {
    alignas(64) float block[tile_packs * block_size];
    const std::int64_t depth =
        std::clamp<std::int64_t>(2048 / std::max<std::int64_t>(1, rows_), 4, 16);
    for (std::int64_t p = 0; p < np_; p += depth) {
      const std::int64_t end = std::min(np_, p + depth);
      each_packs(first / 16, panel_count(last), panel_count(last), [&]<int N>(std::int64_t c) {
        for (int i = 0; i < N; ++i)
          for (std::int64_t q = p; q < end; ++q)
            transpose(q, (c + i) * 16, block + i * block_size + (q - p) * 256);
        each_tile(rows_, [&](std::int64_t m, std::int64_t rows) {
          input_tile<N>(rows, m, c * 16, p, end, block);
        });
      });
    }
  }

  // block[v][16] = W[16 p + v][k .. k + 16]
  void transpose(std::int64_t p, std::int64_t k, float* block) const {
    const float* from = own_.panels + (p * s_.dim + k) * 16;
    if (k + 16 <= s_.dim) {
      transpose16(from, block);
    } else {
      float last[256] = {};
      std::copy_n(from, (s_.dim - k) * 16, last);
      transpose16(last, block);
    }
  }

  // Rows [m, m + rows), N packs of inputs from k on, tokens of panels [p, end).
  template <int N>
  void input_tile(std::int64_t rows, std::int64_t m, std::int64_t k, std::int64_t p,
                  std::int64_t end, const float* block) const {
    float* const to = dx_ + m * ld_ + k;
    const std::int64_t whole = std::min(end, s_.vocab / 16);
    TileWork work{.start = p == 0 ? zeros : to,
                  .start_row = p == 0 ? 0 : ld_,
                  .to = to,
                  .to_row = ld_,
                  .a = z(p, m),
                  .a_row = 16,
                  .b = block,
                  .b_pack = block_size,
                  .steps = 16,
                  .parts = whole - p,
                  .a_part = rows_ * 16};
    tile_of<N, 1>(rows, work);
    if (whole == end) return;
    work.start = to;
    work.start_row = ld_;
    work.a = z(whole, m);
    work.b = block + (whole - p) * 256;
    work.steps = width(whole);
    work.parts = 1;
    tile_of<N, 1>(rows, work);
  }

  HeadShape s_;
  std::int64_t np_;  // panels of the vocabulary
  std::int64_t ld_;  // between rows of dx
  bool has_reference_;
  HeadLogits own_{}, beside_{};
  std::int64_t rows_ = 0;
  const Token* targets_ = nullptr;
  float *xs_, *dx_;
  Scratch scratch_;
  bool borrowed_ = false;
};

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
