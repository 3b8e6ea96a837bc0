// Which hidden state predicts which token: the rows that the head computes.
//
// Only tokens that carry loss become rows, so the head never runs over prompts. The first token of
// an answer is predicted from the last hidden state of its prompt, which all answers of a group
// share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct HeadRows {
  std::vector<std::int64_t> hidden;  // [n] token whose hidden state predicts
  std::vector<Token> targets;        // [n] the token that is predicted
  std::vector<std::int64_t> tokens;  // [n] where the target stands in the forest

  std::int64_t size() const { return static_cast<std::int64_t>(targets.size()); }

  void add(const Forest& forest, std::int32_t segment, std::int64_t t) {
    const std::int64_t before = forest.predecessor(segment, t);
    require(before >= 0, "token ", t,
            " of the forest begins a sequence: nothing predicts it, so it ", "cannot carry loss");
    hidden.push_back(before);
    targets.push_back(forest.tokens()[static_cast<std::size_t>(t)]);
    tokens.push_back(t);
  }
};

// A row for each token with trained[t] != 0, in the order of the forest.
inline HeadRows rows_of(const Forest& forest, std::span<const std::uint8_t> trained) {
  require(static_cast<std::int64_t>(trained.size()) == forest.size(), "rows_of: ", trained.size(),
          " flags, expected one for each of ", forest.size(), " tokens");
  HeadRows rows;
  for (std::int32_t s = 0; s < static_cast<std::int32_t>(forest.segments().size()); ++s) {
    const Segment& segment = forest.segments()[static_cast<std::size_t>(s)];
    for (std::int64_t t = segment.begin; t < segment.end(); ++t)
      if (trained[static_cast<std::size_t>(t)]) rows.add(forest, s, t);
  }
  return rows;
}

// A row for every token that has a predecessor: plain language modelling.
inline HeadRows all_rows(const Forest& forest) {
  HeadRows rows;
  for (std::int32_t s = 0; s < static_cast<std::int32_t>(forest.segments().size()); ++s) {
    const Segment& segment = forest.segments()[static_cast<std::size_t>(s)];
    for (std::int64_t t = segment.begin; t < segment.end(); ++t)
      if (forest.predecessor(s, t) >= 0) rows.add(forest, s, t);
  }
  return rows;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
