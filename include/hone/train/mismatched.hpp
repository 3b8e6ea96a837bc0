// Answers under prompts that they do not answer.
//
// KTO estimates KL(pi, ref) from them (Ethayarajh et al., "KTO: model alignment as prospect
// theoretic optimization", 2024, section 4.1): the answers of a batch move on by one prompt, those
// of the last one to the first, in the canonical order of the trees.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/data/batch.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// A tree for each prompt of the batch, with the answers of the prompt before it. Empty if there is
// but one prompt.
inline data::Batch mismatched(const data::Batch& batch) {
  const Forest& forest = batch.forest;
  const auto order = forest.canonical_order();
  data::Batch out;
  if (order.size() < 2) return out;
  const std::vector<std::int32_t> answers = batch.answers();
  const auto answers_of = [&](std::int64_t tree) {
    const auto from = std::lower_bound(answers.begin(), answers.end(),
                                       forest.roots()[static_cast<std::size_t>(tree)]);
    const auto to = std::lower_bound(from, answers.end(), forest.tree_end(tree));
    return std::vector<std::int32_t>(from, to);
  };
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto own = answers_of(order[i]);
    if (own.empty()) continue;
    const std::int32_t prompt = forest.segments()[static_cast<std::size_t>(own.front())].parent;
    require(prompt >= 0, "KTO: segment ", own.front(),
            " of the batch carries loss and has no parent, expected an answer after its prompt");
    const auto& root = forest.segments()[static_cast<std::size_t>(
        forest.roots()[static_cast<std::size_t>(order[i])])];
    const std::int32_t to = out.forest.add_root(forest.sequence(prompt), root.id);
    out.trained.resize(static_cast<std::size_t>(out.forest.size()), 0);
    out.scores.push_back(0.0f);
    for (const std::int32_t s : answers_of(order[(i + order.size() - 1) % order.size()])) {
      const Segment& answer = forest.segments()[static_cast<std::size_t>(s)];
      out.forest.add_child(to, forest.tokens(s), answer.id);
      out.trained.insert(out.trained.end(), batch.trained.begin() + answer.begin,
                         batch.trained.begin() + answer.end());
      out.scores.push_back(batch.scores[static_cast<std::size_t>(s)]);
    }
  }
  return out;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
