// The logits of one block of rows under one head: Z = X W^T, capped.
//
// They lie in panels, Z[ceil(vocab / 16)][rows][16], in which all matrix products read or write
// them in the order in which they come.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "hone/core/math.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/attention_scratch.hpp"
#include "hone/kernel/linear_shape.hpp"
#include "hone/kernel/log_softmax.hpp"
#include "hone/kernel/tile.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {
namespace detail {

struct HeadLogits {
  const float* panels;  // the head [vocab, dim]
  std::int64_t dim, vocab;
  std::int64_t ld_hidden;  // between the hidden states of the model
  float softcap;           // 0: none
  std::int64_t ld;         // between rows of x
  std::int64_t np;         // panels of the vocabulary
  std::int64_t group;      // panels that a thread takes at a time
  std::int64_t rows = 0;

  float *z_ = nullptr, *x_ = nullptr, *tops_ = nullptr;
  LogSoftmaxRow* stats_ = nullptr;  // [rows]

  // `room`: rows of the largest block.
  template <class Carve>
  void layout(Carve& carve, std::int64_t room) {
    z_ = carve(np * room * 16);
    x_ = carve(room * ld);
    tops_ = carve(groups() * room);
    stats_ =
        reinterpret_cast<LogSoftmaxRow*>(carve(room * std::int64_t{sizeof(LogSoftmaxRow)} / 4));
  }

  std::int64_t groups() const { return (np + group - 1) / group; }
  std::int64_t group_end(std::int64_t g) const { return std::min(np, (g + 1) * group); }
  float* z(std::int64_t p, std::int64_t m) const { return z_ + (p * rows + m) * 16; }
  float* x(std::int64_t m) const { return x_ + m * ld; }
  // Tokens in panel p.
  int width(std::int64_t p) const {
    return static_cast<int>(std::min<std::int64_t>(16, vocab - p * 16));
  }

  // Takes in the hidden states of the next rows.
  void gather(const float* hidden, const std::int64_t* index, std::int64_t count) {
    rows = count;
    for (std::int64_t m = 0; m < rows; ++m) std::copy_n(hidden + index[m] * ld_hidden, dim, x(m));
  }

  // Z; the largest logit of each row in each group.
  void multiply() const {
    parallel_for(groups(), [&](std::int64_t g) {
      float* const top = tops_ + g * rows;
      std::fill_n(top, rows, -std::numeric_limits<float>::infinity());
      // Eight panels at a time: the rows' part of a chain stays in the second-level cache.
      for (std::int64_t p = g * group; p < group_end(g); p += 8)
        multiply(p, std::min(p + 8, group_end(g)), top);
    });
  }

  // The largest logit of row m, divided by the temperature; no negative zero.
  float top(std::int64_t m, float temperature) const {
    float t = tops_[m];
    for (std::int64_t g = 1; g < groups(); ++g) t = max(t, tops_[g * rows + m]);
    return t / temperature + 0.0f;
  }

 private:
  void multiply(std::int64_t first, std::int64_t last, float* top) const {
    each_part(dim, 256, [&](std::int64_t begin, std::int64_t end) {
      each_packs(first, last, last, [&]<int N>(std::int64_t p) {
        each_tile(rows, [&](std::int64_t m, std::int64_t count) {
          const bool starts = begin == 0;
          tile_of<N, 1>(count, {.start = starts ? zeros : z(p, m),
                                .start_row = starts ? 0 : 16,
                                .start_pack = starts ? 0 : rows * 16,
                                .to = z(p, m),
                                .to_row = 16,
                                .to_pack = rows * 16,
                                .a = x(m) + begin,
                                .a_row = ld,
                                .b = panels + (p * dim + begin) * 16,
                                .b_pack = dim * 16,
                                .steps = end - begin});
        });
      });
    });
    for (std::int64_t p = first; p < last; ++p) finish(p, top);
  }

  void finish(std::int64_t p, float* top) const {
    const float infinity = std::numeric_limits<float>::infinity();
    const pack_mask exists = pack_mask::first(width(p));
    for (std::int64_t m = 0; m < rows; ++m) {
      pack x = pack::load(z(p, m));
      if (softcap > 0.0f) x = pack(softcap) * tanh(x / pack(softcap));
      if (softcap > 0.0f || width(p) < 16) {
        x = select(exists, x, pack(-infinity));
        x.store(z(p, m));
      }
      top[m] = max(top[m], max_lane(x));
    }
  }
};

}  // namespace detail
}  // namespace kernel
}  // namespace v0
}  // namespace hone
