// The rows of sequences: which of the head's rows belong to which answer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/train/head_rows.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// Rows of the sequences of a batch: sequence s has rows [offsets[s], offsets[s + 1]).
struct SequenceRows {
  HeadRows rows;
  std::vector<std::int64_t> offsets{0};  // [S + 1]

  std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t length(std::int64_t s) const {
    return offsets[static_cast<std::size_t>(s) + 1] - offsets[static_cast<std::size_t>(s)];
  }

  // Appends the tokens of a segment that carry loss.
  void add(const Forest& forest, std::int32_t segment, std::span<const std::uint8_t> trained) {
    const Segment& s = forest.segments()[static_cast<std::size_t>(segment)];
    for (std::int64_t t = s.begin; t < s.end(); ++t)
      if (trained[static_cast<std::size_t>(t)]) rows.add(forest, segment, t);
    offsets.push_back(rows.size());
  }
};

// Per-sequence sums of a column over rows, in double, in the order of the rows.
inline std::vector<float> sums(const SequenceRows& sequences, std::span<const float> column) {
  std::vector<float> out;
  for (std::int64_t s = 0; s < sequences.size(); ++s) {
    double sum = 0;
    for (std::int64_t r = sequences.offsets[static_cast<std::size_t>(s)];
         r < sequences.offsets[static_cast<std::size_t>(s) + 1]; ++r)
      sum += static_cast<double>(column[static_cast<std::size_t>(r)]);
    out.push_back(static_cast<float>(sum));
  }
  return out;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
