// Rotary positions in the half-split convention of transformers (rotate_half).
//
// Su, Lu, Pan, Murtadha, Wen, Liu, "RoFormer", eq. 34. Frequencies and angles are computed in
// float32 as transformers does; sines and cosines are our own, so tables agree on every machine.
#pragma once

#include <cstdint>

namespace hone {
inline namespace v0 {
namespace kernel {

// freq[i] = theta^(-2 i / head_dim), i < head_dim / 2, rescaled for longer contexts by Llama 3's
// rule if factor is not 1.
struct RotaryNumbers {
  float theta = 10000.0f;
  std::int64_t head_dim = 0;  // even
  float factor = 1.0f;
  float low_freq_factor = 1.0f;
  float high_freq_factor = 4.0f;
  std::int64_t original_max_positions = 8192;
};

class RotaryTable {
 public:
  RotaryTable() = default;
  RotaryTable(const RotaryNumbers& numbers, std::int64_t positions);

  std::int64_t positions() const;  // rows of the table: positions below this may be rotated
  std::int64_t head_dim() const;

  // Makes room for at least `positions` positions; not while another thread reads.
  void extend(std::int64_t positions);

  // In place, for each row r and head: with a = positions[r] freq[i],
  //   x[i], x[i + half] = x[i] cos a - x[i + half] sin a, x[i + half] cos a + x[i] sin a.
  // x is [rows, ld], heads side by side from the row's begin; positions [rows].
  void apply(std::int64_t rows, std::int64_t heads, std::int64_t ld, const std::int32_t* positions,
             float* x) const;

  // The inverse rotation, in place: turns the gradient of a rotated x into that of x.
  void apply_inverse(std::int64_t rows, std::int64_t heads, std::int64_t ld,
                     const std::int32_t* positions, float* x) const;
};

}  // namespace kernel
}  // namespace v0
}  // namespace hone
