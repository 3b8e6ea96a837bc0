// Prepared data: token trees end to end in a few flat arrays, in memory or mapped from a file.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/data/prompt_info.hpp"
#include "hone/data/tally.hpp"

namespace hone {
inline namespace v0 {
namespace data {

// A run of tokens in a tree, the form of Forest's Segment before batches are made.
struct Node {
  std::uint64_t begin = 0;    // its first token in the store
  std::uint32_t length = 0;   // tokens
  std::int32_t parent = -1;   // node of the same tree that it continues, counted from the tree's
                              // first node; smaller than one's own index; -1: the root
  float score = 0.0f;         // of an answer
  std::uint32_t trained = 0;  // 1: its tokens carry loss
  bool operator==(const Node&) const = default;
};

struct TreeEntry {
  std::uint64_t id = 0;          // of the record
  std::uint64_t first_node = 0;  // index of its root
  std::uint64_t info = 0;        // first byte of its PromptInfo
  bool operator==(const TreeEntry&) const = default;
};

// A read-only sequence of trees. Copies share the arrays.
class Store {
 public:
  // The flat arrays. trees has one entry more than there are trees; it ends the last one.
  struct Arrays {
    std::span<const TreeEntry> trees;
    std::span<const Node> nodes;
    std::span<const Token> tokens;
    std::span<const char> info;
  };

  Store() = default;
  Store(std::shared_ptr<const void> owner, const Arrays& arrays, const Tally& tally,
        float min_difference)
      : owner_(std::move(owner)), arrays_(arrays), tally_(tally), min_difference_(min_difference) {}

  std::uint64_t size() const { return arrays_.trees.empty() ? 0 : arrays_.trees.size() - 1; }
  bool empty() const { return size() == 0; }
  const Arrays& arrays() const { return arrays_; }
  // What became of the records that the store was made of.
  const Tally& tally() const { return tally_; }
  // Two answers are a pair when their scores differ by more than this.
  float min_difference() const { return min_difference_; }

  std::uint64_t id(std::uint64_t tree) const { return arrays_.trees[tree].id; }
  std::span<const Node> nodes(std::uint64_t tree) const {
    const std::uint64_t first = arrays_.trees[tree].first_node;
    return arrays_.nodes.subspan(first, arrays_.trees[tree + 1].first_node - first);
  }
  std::span<const Token> tokens(const Node& node) const {
    return arrays_.tokens.subspan(node.begin, node.length);
  }
  PromptInfo info(std::uint64_t tree) const {
    const std::uint64_t first = arrays_.trees[tree].info;
    return decode({arrays_.info.data() + first, arrays_.trees[tree + 1].info - first});
  }
  // Tokens of a tree, a shared prompt counted once.
  std::int64_t length(std::uint64_t tree) const {
    std::int64_t sum = 0;
    for (const Node& n : nodes(tree)) sum += n.length;
    return sum;
  }

 private:
  std::shared_ptr<const void> owner_;
  Arrays arrays_;
  Tally tally_;
  float min_difference_ = 0.0f;
};

// Collects trees, one node after the other.
class StoreBuilder {
 public:
  void begin_tree(std::uint64_t id, std::string_view info = {}) {
    arrays_->trees.push_back({id, arrays_->nodes.size(), arrays_->info.size()});
    arrays_->info.insert(arrays_->info.end(), info.begin(), info.end());
  }

  // Returns the node's index in its tree. `parent` is an earlier node's, -1 for the root.
  std::int32_t add_node(std::int32_t parent, std::span<const Token> tokens, bool trained,
                        float score = 0.0f) {
    require(!arrays_->trees.empty(), "StoreBuilder::add_node: no tree was begun");
    const auto index =
        static_cast<std::int32_t>(arrays_->nodes.size() - arrays_->trees.back().first_node);
    require(parent < index && (parent >= 0) == (index > 0), "StoreBuilder::add_node: parent is ",
            parent, ", expected an earlier node of the tree, or -1 for its first");
    arrays_->nodes.push_back({.begin = arrays_->tokens.size(),
                              .length = static_cast<std::uint32_t>(tokens.size()),
                              .parent = parent,
                              .score = score,
                              .trained = trained});
    arrays_->tokens.insert(arrays_->tokens.end(), tokens.begin(), tokens.end());
    tally.tokens += tokens.size();
    return index;
  }

  Store finish() {
    auto owned = std::exchange(arrays_, std::make_shared<Owned>());
    owned->trees.push_back({0, owned->nodes.size(), owned->info.size()});
    const Store::Arrays arrays{owned->trees, owned->nodes, owned->tokens, owned->info};
    return Store(owned, arrays, std::exchange(tally, {}), min_difference);
  }

  Tally tally = {};
  float min_difference = 0.0f;

 private:
  struct Owned {
    std::vector<TreeEntry> trees;
    std::vector<Node> nodes;
    std::vector<Token> tokens;
    std::vector<char> info;
  };
  std::shared_ptr<Owned> arrays_ = std::make_shared<Owned>();
};

}  // namespace data
}  // namespace v0
}  // namespace hone
