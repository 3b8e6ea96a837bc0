// What a training step reads: a forest, which tokens carry loss, scores and pairs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/core/random.hpp"
#include "hone/data/mix.hpp"
#include "hone/data/record.hpp"
#include "hone/data/store.hpp"

namespace hone {
inline namespace v0 {
namespace data {

// Whole trees of a store, packed. Segments keep the order of the trees' nodes; the id of a child is
// its number in its tree.
struct Batch {
  Forest forest = {};
  std::vector<std::uint8_t> trained = {};               // [T] 1: the token carries loss. The first
                                                        // token of a sequence never does.
  std::vector<float> scores = {};                       // [S] of an answer's segment, else 0
  std::vector<std::array<std::int32_t, 2>> pairs = {};  // segments {better, worse}, siblings
  std::vector<Pick> picks = {};                         // [trees] where each tree comes from

  std::int64_t trained_tokens() const {
    std::int64_t sum = 0;
    for (const std::uint8_t t : trained) sum += t;
    return sum;
  }

  // Segments that carry loss.
  std::vector<std::int32_t> answers() const {
    std::vector<std::int32_t> out;
    for (std::int32_t s = 0; s < static_cast<std::int32_t>(forest.segments().size()); ++s) {
      const Segment& segment = forest.segments()[static_cast<std::size_t>(s)];
      if (std::any_of(trained.begin() + segment.begin, trained.begin() + segment.end(),
                      [](std::uint8_t t) { return t != 0; }))
        out.push_back(s);
    }
    return out;
  }

  // Trees [first, last) as a batch of their own: a micro-batch.
  Batch slice(std::int64_t first, std::int64_t last) const {
    std::vector<std::int64_t> trees(static_cast<std::size_t>(last - first));
    std::iota(trees.begin(), trees.end(), first);
    return take(trees);
  }

  // The named trees in the named order. Pairs keep theirs.
  Batch take(std::span<const std::int64_t> trees) const {
    Batch out;
    std::vector<std::int32_t> number(forest.segments().size(), -1);  // in `out`
    for (const std::int64_t tree : trees) {
      const std::int32_t from = forest.roots()[static_cast<std::size_t>(tree)];
      const std::int32_t to = forest.tree_end(tree);
      std::iota(number.begin() + from, number.begin() + to,
                static_cast<std::int32_t>(out.forest.segments().size()));
      out.forest.append_tree(forest, tree);
      out.trained.insert(out.trained.end(), trained.begin() + forest.tree_begin(tree),
                         trained.begin() + forest.tree_begin(tree + 1));
      out.scores.insert(out.scores.end(), scores.begin() + from, scores.begin() + to);
      if (!picks.empty()) out.picks.push_back(picks[static_cast<std::size_t>(tree)]);
    }
    for (const auto& [better, worse] : pairs)
      if (number[static_cast<std::size_t>(better)] >= 0)
        out.pairs.push_back(
            {number[static_cast<std::size_t>(better)], number[static_cast<std::size_t>(worse)]});
    return out;
  }

  // The same trees in the order in which training adds them up, that of Forest::canonical_order.
  // Trees of one id that hold the same tokens are told apart by what is learnt from them; those
  // that are still alike are interchangeable. Pairs are sorted.
  Batch canonical() const {
    std::vector<std::int64_t> order = forest.canonical_order();
    const auto lesson = [this](std::int64_t tree) {
      Batch one = slice(tree, tree + 1);
      std::sort(one.pairs.begin(), one.pairs.end());
      return std::tuple{std::move(one.trained), std::move(one.scores), std::move(one.pairs)};
    };
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      const int by_tree = forest.compare_trees(a, b);
      return by_tree != 0 ? by_tree < 0 : lesson(a) < lesson(b);
    });
    Batch out = take(order);
    std::sort(out.pairs.begin(), out.pairs.end());
    return out;
  }
};

// Appends a tree. The root's id is made of source, epoch and the record's id, so that a prompt that
// occurs twice in a batch is answered with different random numbers.
inline void add_tree(Batch& batch, const Store& store, const Pick& pick) {
  const auto nodes = store.nodes(pick.index);
  const auto first = static_cast<std::int32_t>(batch.forest.segments().size());
  std::vector<float> scores;
  std::vector<std::int32_t> answers;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const Node& node = nodes[n];
    const auto tokens = store.tokens(node);
    const std::int32_t segment =
        node.parent < 0
            ? batch.forest.add_root(tokens, mix(mix(pick.source, pick.epoch), store.id(pick.index)))
            : batch.forest.add_child(first + node.parent, tokens, n);
    const std::int64_t begin = batch.forest.segments()[static_cast<std::size_t>(segment)].begin;
    const bool trained = node.trained != 0;
    for (std::int64_t t = 0; t < static_cast<std::int64_t>(tokens.size()); ++t)
      batch.trained.push_back(trained && (t > 0 || batch.forest.predecessor(segment, begin) >= 0));
    batch.scores.push_back(node.score);
    if (trained && node.parent == 0) {
      scores.push_back(node.score);
      answers.push_back(segment);
    }
  }
  for (const auto& [better, worse] : pairs(scores, store.min_difference()))
    batch.pairs.push_back(
        {answers[static_cast<std::size_t>(better)], answers[static_cast<std::size_t>(worse)]});
  batch.picks.push_back(pick);
}

// How much goes into a batch: the first limit that is reached ends it. 0 is no limit; a tree is
// never split.
struct BatchSize {
  std::int64_t trees = 0;
  std::int64_t tokens = 0;
};

namespace detail {

// Room in one batch for trees that come one by one.
class Room {
 public:
  explicit Room(const BatchSize& size) : size_(size) {
    require(size.trees > 0 || size.tokens > 0,
            "BatchSize: neither trees nor tokens is set, expected one above 0");
  }
  // Whether a tree of this length still fits; if so it is counted.
  bool take(std::int64_t length, std::uint64_t id) {
    require(size_.tokens <= 0 || length <= size_.tokens, "the tree of record ", id, " has ", length,
            " tokens, expected at most the batch's ", size_.tokens,
            ": raise the budget or lower the stage's max_tokens");
    const bool fits = (size_.trees <= 0 || trees_ < size_.trees) &&
                      (size_.tokens <= 0 || tokens_ + length <= size_.tokens);
    if (fits) {
      ++trees_;
      tokens_ += length;
    }
    return fits;
  }

 private:
  BatchSize size_;
  std::int64_t trees_ = 0, tokens_ = 0;
};

}  // namespace detail
}  // namespace data
}  // namespace v0
}  // namespace hone
