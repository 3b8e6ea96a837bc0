// A forest as rectangular tensors, for a model that wants them, and back.
//
// Inside hone there is no padding; a foreign model's adaptor calls pad(), runs the model and calls
// unpad() on what it returns.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"

namespace hone {
inline namespace v0 {
namespace data {

enum class Side : std::uint8_t { left, right };

struct PadOptions {
  Side side = Side::right;       // where the padding stands
  Token token = 0;               // what it is made of; masks come from lengths, so any id will do
  std::int64_t multiple_of = 1;  // of the width
};

// One row for each sequence, all arrays row-major [B, L].
struct Padded {
  std::int64_t rows = 0;                     // B
  std::int64_t width = 0;                    // L
  std::vector<Token> tokens = {};            // [B, L]
  std::vector<std::uint8_t> attention = {};  // [B, L] 1 on tokens, 0 on padding
  std::vector<std::int32_t> positions = {};  // [B, L] from 0 in each row, 0 on padding
  std::vector<std::int64_t> index = {};      // [B, L] the token in the forest, -1 on padding
  std::vector<std::int32_t> segments = {};   // [B] the segment that ends the row
};

// The segments that no other one continues: the ends of the forest's sequences.
inline std::vector<std::int32_t> leaves(const Forest& forest) {
  const auto segments = forest.segments();
  std::vector<std::uint8_t> inner(segments.size(), 0);
  for (const Segment& s : segments)
    if (s.parent >= 0) inner[static_cast<std::size_t>(s.parent)] = 1;
  std::vector<std::int32_t> out;
  for (std::size_t s = 0; s < segments.size(); ++s)
    if (!inner[s]) out.push_back(static_cast<std::int32_t>(s));
  return out;
}

// The sequences that end with these segments, one a row; a shared prompt is repeated in each.
inline Padded pad(const Forest& forest, std::span<const std::int32_t> ends,
                  const PadOptions& options = {}) {
  require(options.multiple_of > 0, "pad: multiple_of is ", options.multiple_of,
          ", expected at least 1");
  Padded out{.rows = static_cast<std::int64_t>(ends.size())};
  out.segments.assign(ends.begin(), ends.end());
  const auto length = [&](std::int32_t s) {
    const Segment& segment = forest.segments()[static_cast<std::size_t>(s)];
    return std::int64_t{segment.position} + segment.length;
  };
  for (const std::int32_t s : ends) out.width = std::max(out.width, length(s));
  out.width = (out.width + options.multiple_of - 1) / options.multiple_of * options.multiple_of;
  const auto cells = static_cast<std::size_t>(out.rows * out.width);
  out.tokens.assign(cells, options.token);
  out.attention.assign(cells, 0);
  out.positions.assign(cells, 0);
  out.index.assign(cells, -1);
  for (std::size_t row = 0; row < ends.size(); ++row) {
    const std::int64_t begin = static_cast<std::int64_t>(row) * out.width +
                               (options.side == Side::left ? out.width - length(ends[row]) : 0);
    for (std::int32_t s = ends[row]; s >= 0;) {
      const Segment& segment = forest.segments()[static_cast<std::size_t>(s)];
      for (std::int32_t t = 0; t < segment.length; ++t) {
        const auto cell = static_cast<std::size_t>(begin + segment.position + t);
        out.tokens[cell] = forest.tokens(s)[static_cast<std::size_t>(t)];
        out.attention[cell] = 1;
        out.positions[cell] = segment.position + t;
        out.index[cell] = segment.begin + t;
      }
      s = segment.parent;
    }
  }
  return out;
}

// Every sequence of the forest.
inline Padded pad(const Forest& forest, const PadOptions& options = {}) {
  return pad(forest, leaves(forest), options);
}

// Values per token [T] spread over the rows [B, L]; padding gets `fill`.
template <class T>
std::vector<T> spread(const Padded& padded, std::span<const T> values, T fill = {}) {
  std::vector<T> out(padded.index.size(), fill);
  for (std::size_t c = 0; c < out.size(); ++c)
    if (padded.index[c] >= 0) out[c] = values[static_cast<std::size_t>(padded.index[c])];
  return out;
}

// Values of the rows [B, L] brought back to tokens [T]. A token that stands in several rows, as a
// shared prompt does, has the same prefix in each and takes the first row's value. Padding is not
// read. `tokens` is the forest's size; a token in no row gets `fill`.
template <class T>
std::vector<T> unpad(const Padded& padded, std::span<const T> rows, std::int64_t tokens,
                     T fill = {}) {
  require(rows.size() == padded.index.size(), "unpad: there are ", rows.size(),
          " values, expected ", padded.rows, " x ", padded.width);
  std::vector<T> out(static_cast<std::size_t>(tokens), fill);
  for (std::size_t c = rows.size(); c-- > 0;)
    if (padded.index[c] >= 0) out[static_cast<std::size_t>(padded.index[c])] = rows[c];
  return out;
}

// The transpose of spread(): gradients of the rows added up over the rows of each token, in order.
template <class T>
std::vector<T> unpad_sum(const Padded& padded, std::span<const T> rows, std::int64_t tokens) {
  require(rows.size() == padded.index.size(), "unpad_sum: there are ", rows.size(),
          " values, expected ", padded.rows, " x ", padded.width);
  std::vector<T> out(static_cast<std::size_t>(tokens), T{});
  for (std::size_t c = 0; c < rows.size(); ++c)
    if (padded.index[c] >= 0) out[static_cast<std::size_t>(padded.index[c])] += rows[c];
  return out;
}

}  // namespace data
}  // namespace v0
}  // namespace hone
