// The keys and values that a sequence has behind it: a chain of blocks, each over a run of tokens.
//
// A block belongs to one version of the weights and one adapter setting. Sequences of a group share
// the block of their prompt; a conversation goes on from the blocks of its earlier turns.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/kernel/attention_cache.hpp"

namespace hone {
inline namespace v0 {
namespace rollout {

// Keys and values of all layers over a run of tokens.
struct Block {
  std::vector<Token> tokens;            // whose keys and values are cached
  std::vector<kernel::KvCache> layers;  // one per layer
};

// A sequence's blocks in order, each used up to some length; the last one may grow.
class Context {
 public:
  struct Part {
    std::shared_ptr<Block> block;
    std::int64_t length = 0;  // tokens of the block that belong to this sequence
  };

  std::int64_t length() const {
    std::int64_t n = 0;
    for (const Part& p : parts_) n += p.length;
    return n;
  }
  const std::vector<Part>& parts() const { return parts_; }

  // Starts a new block of one's own at the end.
  void grow_new_block(std::int64_t layers) {
    auto block = std::make_shared<Block>();
    block->layers.resize(static_cast<std::size_t>(layers));
    parts_.push_back({std::move(block), 0});
  }

  // Appends another chain's first `length` tokens, shared.
  void share(const Context& other, std::int64_t length) {
    for (const Part& p : other.parts_) {
      const std::int64_t n = std::min(length, p.length);
      if (n > 0) parts_.push_back({p.block, n});
      length -= n;
      if (length <= 0) return;
    }
  }

  // Counts tokens that were appended to the last block's caches.
  void advance(std::span<const Token> tokens) {
    Part& last = parts_.back();
    last.block->tokens.insert(last.block->tokens.end(), tokens.begin(), tokens.end());
    last.length += static_cast<std::int64_t>(tokens.size());
  }

  kernel::KvCache& last_cache(std::int64_t layer) {
    return parts_.back().block->layers[static_cast<std::size_t>(layer)];
  }

  // The pieces of one layer, the last block with all that its cache holds.
  void pieces(std::int64_t layer, std::vector<kernel::KvPiece>& out) const {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      kernel::KvPiece piece = parts_[i].block->layers[static_cast<std::size_t>(layer)].piece();
      if (i + 1 < parts_.size()) piece.length = parts_[i].length;
      if (piece.length > 0) out.push_back(piece);
    }
  }

  // How many of `tokens` this chain begins with.
  std::int64_t common_prefix(std::span<const Token> tokens) const {
    std::int64_t n = 0;
    for (const Part& p : parts_)
      for (std::int64_t i = 0; i < p.length; ++i, ++n)
        if (n == static_cast<std::int64_t>(tokens.size()) ||
            p.block->tokens[static_cast<std::size_t>(i)] != tokens[static_cast<std::size_t>(n)])
          return n;
    return n;
  }

 private:
  std::vector<Part> parts_;
};

}  // namespace rollout
}  // namespace v0
}  // namespace hone
