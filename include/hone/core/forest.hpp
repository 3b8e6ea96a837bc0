// A batch is a packed forest: the tokens of all sequences end to end, without padding.
//
// A segment is a run of tokens. It may have a parent segment, its prefix: a prompt with G sampled
// answers is one root with G children, a chosen/rejected pair one root with two. A token attends to
// the earlier tokens of its own segment and to all tokens of its ancestors; positions continue from
// the parent. The prompt of a group is stored and computed once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {

using Token = std::int32_t;

struct Segment {
  std::int32_t parent = -1;  // index of the prefix segment, always smaller than one's own; -1: root
  std::int32_t length = 0;   // tokens in this segment
  std::int64_t begin = 0;    // index of the first token in the forest
  std::int32_t position = 0;  // position of the first token in its sequence
  std::uint64_t id = 0;       // names the tree (on a root) in canonical order and random keys
  std::int64_t end() const { return begin + length; }
  bool operator==(const Segment&) const = default;
};

// Segments of one tree lie next to each other, a parent before its children.
class Forest {
 public:
  // Starts a new tree. `id` orders trees canonically: equal batches in another order give equal
  // sums.
  std::int32_t add_root(std::span<const Token> tokens, std::uint64_t id = 0) {
    roots_.push_back(static_cast<std::int32_t>(segments_.size()));
    return append(-1, tokens, 0, id);
  }

  // Continues segment `parent`, which must belong to the last tree.
  std::int32_t add_child(std::int32_t parent, std::span<const Token> tokens, std::uint64_t id = 0) {
    require(!roots_.empty() && parent >= roots_.back() &&
                parent < static_cast<std::int32_t>(segments_.size()),
            "Forest::add_child: parent is ", parent, ", expected a segment of the last tree");
    const Segment& p = segments_[static_cast<std::size_t>(parent)];
    return append(parent, tokens, p.position + p.length, id);
  }

  std::span<const Token> tokens() const { return tokens_; }        // [T]
  std::span<const Segment> segments() const { return segments_; }  // [S]
  std::span<const std::int32_t> roots() const { return roots_; }   // [trees] segment indices
  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  std::int64_t trees() const { return static_cast<std::int64_t>(roots_.size()); }
  bool empty() const { return tokens_.empty(); }

  std::span<const Token> tokens(std::int32_t segment) const {
    const Segment& s = segments_[static_cast<std::size_t>(segment)];
    return std::span<const Token>(tokens_).subspan(static_cast<std::size_t>(s.begin),
                                                   static_cast<std::size_t>(s.length));
  }

  // One past the last segment of a tree.
  std::int32_t tree_end(std::int64_t tree) const {
    return tree + 1 < trees() ? roots_[static_cast<std::size_t>(tree + 1)]
                              : static_cast<std::int32_t>(segments_.size());
  }

  // First token of a tree (tree == trees(): the number of tokens).
  std::int64_t tree_begin(std::int64_t tree) const {
    return tree == trees()
               ? size()
               : segments_[static_cast<std::size_t>(roots_[static_cast<std::size_t>(tree)])].begin;
  }

  // Index of the token before token `t` in its sequence, -1 for the first token of a root. The
  // hidden state there predicts tokens[t]. An empty ancestor is skipped.
  std::int64_t predecessor(std::int32_t segment, std::int64_t t) const {
    const Segment* s = &segments_[static_cast<std::size_t>(segment)];
    if (t > s->begin) return t - 1;
    while (s->parent >= 0) {
      s = &segments_[static_cast<std::size_t>(s->parent)];
      if (s->length > 0) return s->end() - 1;
    }
    return -1;
  }

  // The whole sequence that ends with `segment`, ancestors first.
  std::vector<Token> sequence(std::int32_t segment) const {
    std::vector<std::int32_t> path;
    for (std::int32_t s = segment; s >= 0; s = segments_[static_cast<std::size_t>(s)].parent)
      path.push_back(s);
    std::vector<Token> out;
    for (auto s = path.rbegin(); s != path.rend(); ++s)
      out.insert(out.end(), tokens(*s).begin(), tokens(*s).end());
    return out;
  }

  // Appends tree `tree` of another forest.
  void append_tree(const Forest& other, std::int64_t tree) {
    const std::int32_t first = other.roots_[static_cast<std::size_t>(tree)];
    const auto shift = static_cast<std::int32_t>(segments_.size()) - first;
    for (std::int32_t s = first; s < other.tree_end(tree); ++s) {
      const Segment& from = other.segments_[static_cast<std::size_t>(s)];
      if (from.parent < 0)
        add_root(other.tokens(s), from.id);
      else
        add_child(from.parent + shift, other.tokens(s), from.id);
    }
  }

  // Trees [first, last) as a forest of their own: a micro-batch.
  Forest slice(std::int64_t first, std::int64_t last) const {
    Forest out;
    for (std::int64_t t = first; t < last; ++t) out.append_tree(*this, t);
    return out;
  }

  // The named trees in the named order.
  Forest take(std::span<const std::int64_t> trees) const {
    Forest out;
    for (const std::int64_t t : trees) out.append_tree(*this, t);
    return out;
  }

  // Negative, 0 or positive: tree `a` goes before tree `b` by its id, then by its segments and
  // their tokens. 0: they hold the same.
  int compare_trees(std::int64_t a, std::int64_t b) const {
    const auto segments_of = [this](std::int64_t tree) {
      const auto first = static_cast<std::size_t>(roots_[static_cast<std::size_t>(tree)]);
      return std::span(segments_).subspan(first, static_cast<std::size_t>(tree_end(tree)) - first);
    };
    const std::span<const Segment> left = segments_of(a), right = segments_of(b);
    const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
    if (const int by_id = order(left[0].id, right[0].id)) return by_id;
    if (const int by_count = order(left.size(), right.size())) return by_count;
    const std::int32_t shift =
        roots_[static_cast<std::size_t>(b)] - roots_[static_cast<std::size_t>(a)];
    for (std::size_t s = 0; s < left.size(); ++s) {
      const Segment &l = left[s], &r = right[s];
      if (s > 0)
        if (const int by_parent = order(l.parent, r.parent - shift)) return by_parent;
      if (const int by_id = order(l.id, r.id)) return by_id;
      if (const int by_length = order(l.length, r.length)) return by_length;
    }
    const Token* const l = tokens_.data() + left[0].begin;
    const Token* const r = tokens_.data() + right[0].begin;
    const std::int64_t count = tree_begin(a + 1) - tree_begin(a);
    const auto [x, y] = std::mismatch(l, l + count, r);
    return x == l + count ? 0 : order(*x, *y);
  }

  // The order of trees by id, those of one id by what they hold. Sums over tokens run in this
  // order, so a permuted batch gives the same bits.
  std::vector<std::int64_t> canonical_order() const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(trees()));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [this](std::int64_t a, std::int64_t b) { return compare_trees(a, b) < 0; });
    return order;
  }

  bool operator==(const Forest&) const = default;

 private:
  std::int32_t append(std::int32_t parent, std::span<const Token> tokens, std::int32_t position,
                      std::uint64_t id) {
    segments_.push_back({.parent = parent,
                         .length = static_cast<std::int32_t>(tokens.size()),
                         .begin = size(),
                         .position = position,
                         .id = id});
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    return static_cast<std::int32_t>(segments_.size()) - 1;
  }

  std::vector<Token> tokens_;
  std::vector<Segment> segments_;
  std::vector<std::int32_t> roots_;
};

}  // namespace v0
}  // namespace hone
