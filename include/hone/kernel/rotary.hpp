// Rotary positions in the half-split convention of transformers (rotate_half).
//
// Su, Lu, Pan, Murtadha, Wen, Liu, "RoFormer", eq. 34. Frequencies and angles are float32 numbers
// as in transformers; powers, sines and cosines are our own, so tables agree on every machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/math.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/scalar.hpp"
#include "hone/kernel/elementwise.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

// freq[i] = theta^(-2 i / head_dim), i < head_dim / 2, rescaled for longer contexts by Llama 3's
// rule if factor is not 1 (transformers: rope_type "llama3").
struct RotaryNumbers {
  float theta = 10000.0f;
  std::int64_t head_dim = 0;  // even
  float factor = 1.0f;
  float low_freq_factor = 1.0f;
  float high_freq_factor = 4.0f;
  std::int64_t original_max_positions = 8192;
};

namespace detail {

// base^exponent, 0 <= exponent < 1, for a base above 1: a product of repeated square roots, one for
// each binary digit. Square roots and products are rounded alike on every machine.
inline double power_of_fraction(double base, double exponent) {
  double power = 1.0, root = base;
  for (double digit = 0.5; exponent > 0.0; digit /= 2) {
    root = std::sqrt(root);
    if (exponent < digit) continue;
    power = product(power, root);
    exponent -= digit;
  }
  return power;
}

// Long waves are slowed down by `factor`, short ones stay, those between are blended.
inline float rescale_frequency(const RotaryNumbers& n, float frequency) {
  const auto length = static_cast<float>(n.original_max_positions);
  const float wave = 6.283185307179586f / frequency;
  if (wave > length / n.low_freq_factor) return frequency / n.factor;
  if (wave < length / n.high_freq_factor) return frequency;
  const float smooth =
      (length / wave - n.low_freq_factor) / (n.high_freq_factor - n.low_freq_factor);
  return product(1.0f - smooth, frequency) / n.factor + product(smooth, frequency);
}

inline std::vector<float> rotary_frequencies(const RotaryNumbers& n) {
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < n.head_dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(n.head_dim);
    const auto power = static_cast<float>(power_of_fraction(n.theta, exponent));
    const float frequency = 1.0f / power;
    frequencies.push_back(n.factor == 1.0f ? frequency : rescale_frequency(n, frequency));
  }
  return frequencies;
}

}  // namespace detail

class RotaryTable {
 public:
  RotaryTable() = default;
  RotaryTable(const RotaryNumbers& numbers, std::int64_t positions)
      : half_(numbers.head_dim / 2), frequencies_(detail::rotary_frequencies(numbers)) {
    require(numbers.head_dim > 0 && numbers.head_dim % 2 == 0, "rotary: head_dim is ",
            numbers.head_dim, ", expected an even number");
    require(numbers.theta > 1.0f, "rotary: theta is ", numbers.theta, ", expected above 1");
    require(numbers.factor > 0.0f, "rotary: factor is ", numbers.factor, ", expected above 0");
    extend(positions);
  }

  // Positions below this may be rotated.
  std::int64_t positions() const { return positions_; }
  std::int64_t head_dim() const { return 2 * half_; }

  // Makes room for at least `positions` positions; not while another thread reads.
  void extend(std::int64_t positions) {
    if (positions <= positions_) return;
    table_.resize(static_cast<std::size_t>(positions * 2 * half_));
    const std::int64_t first = positions_;
    positions_ = positions;
    detail::split_range(positions - first, 32 * half_, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = first + begin; p < first + end; ++p) {
        float* row = table_.data() + p * 2 * half_;
        for (std::int64_t i = 0; i < half_; ++i) {
          const float angle =
              product(static_cast<float>(p), frequencies_[static_cast<std::size_t>(i)]);
          row[i] = static_cast<float>(cos(static_cast<double>(angle)));
          row[half_ + i] = static_cast<float>(sin(static_cast<double>(angle)));
        }
      }
    });
  }

  // In place, for each row r and head, with a = positions[r] freq[i] and i < half = head_dim / 2:
  //   x[i], x[i + half] = x[i] cos a - x[i + half] sin a, x[i + half] cos a + x[i] sin a.
  // x is [rows, ld] with the heads side by side from the row's begin; positions is [rows].
  void apply(std::int64_t rows, std::int64_t heads, std::int64_t ld, const std::int32_t* positions,
             float* x) const {
    rotate<false>(rows, heads, ld, positions, x);
  }

  // The inverse rotation, in place: the gradient of a rotated x becomes that of x.
  void apply_inverse(std::int64_t rows, std::int64_t heads, std::int64_t ld,
                     const std::int32_t* positions, float* x) const {
    rotate<true>(rows, heads, ld, positions, x);
  }

 private:
  template <bool Inverse>
  void rotate(std::int64_t rows, std::int64_t heads, std::int64_t ld, const std::int32_t* positions,
              float* x) const {
    for (std::int64_t r = 0; r < rows; ++r)
      require(positions[r] >= 0 && positions[r] < positions_, "rotary: position of row ", r, " is ",
              positions[r], ", expected 0 to ", positions_ - 1);
    detail::split_range(rows, heads * 2 * half_, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const float* cosines = table_.data() + positions[r] * 2 * half_;
        for (std::int64_t h = 0; h < heads; ++h) {
          float* low = x + r * ld + h * 2 * half_;
          float* high = low + half_;
          detail::each_pack(0, half_, [&](std::int64_t i, int count) {
            const pack c = detail::load_pack(cosines + i, count);
            const pack s = detail::load_pack(cosines + half_ + i, count);
            const pack sine = Inverse ? -s : s;
            const pack a = detail::load_pack(low + i, count);
            const pack b = detail::load_pack(high + i, count);
            detail::store_pack(fma(a, c, -(b * sine)), low + i, count);
            detail::store_pack(fma(b, c, a * sine), high + i, count);
          });
        }
      }
    });
  }

  std::int64_t half_ = 0;
  std::int64_t positions_ = 0;
  std::vector<float> frequencies_;  // [half]
  std::vector<float> table_;        // [positions][2][half], cosines before sines
};

}  // namespace kernel
}  // namespace v0
}  // namespace hone
