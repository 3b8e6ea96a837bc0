// Which scores of a forest's tokens the pairs of a batch compare.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/data/batch.hpp"
#include "hone/loss/positions.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// The tokens of the whole sequence that ends with `segment`, ancestors first, as rows of the
// forest.
inline std::vector<std::int64_t> rows_of_sequence(const Forest& forest, std::int32_t segment) {
  std::vector<std::int32_t> path;
  for (std::int32_t s = segment; s >= 0; s = forest.segments()[static_cast<std::size_t>(s)].parent)
    path.push_back(s);
  std::vector<std::int64_t> rows;
  for (auto s = path.rbegin(); s != path.rend(); ++s) {
    const Segment& part = forest.segments()[static_cast<std::size_t>(*s)];
    for (std::int64_t t = part.begin; t < part.end(); ++t) rows.push_back(t);
  }
  return rows;
}

// The comparisons that `positions` makes of every pair, each pair with the same weight. A margin is
// `margin_scale` times the difference of the two answers' scores in the data.
template <class Positions>
std::vector<loss::ScorePair> score_pairs(const data::Batch& batch, const Positions& positions,
                                         float margin_scale, float weight) {
  std::vector<loss::ScorePair> out;
  for (const auto& [better, worse] : batch.pairs) {
    const std::vector<Token> chosen = batch.forest.sequence(better),
                             rejected = batch.forest.sequence(worse);
    const std::vector<std::int64_t> chosen_rows = rows_of_sequence(batch.forest, better),
                                    rejected_rows = rows_of_sequence(batch.forest, worse);
    const float margin = margin_scale * (batch.scores[static_cast<std::size_t>(better)] -
                                         batch.scores[static_cast<std::size_t>(worse)]);
    positions(loss::ScoredSequence{chosen, chosen_rows},
              loss::ScoredSequence{rejected, rejected_rows}, margin, weight, out);
  }
  return out;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
