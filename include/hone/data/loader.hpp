// Batches of a run by the number of their step, and batches of one pass for evaluation.
#pragma once

#include <cstdint>
#include <memory>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/data/batch.hpp"
#include "hone/data/mix.hpp"
#include "hone/data/store.hpp"

namespace hone {
inline namespace v0 {
namespace data {

struct Source {
  Store store = {};
  double weight = 1.0;
};

struct LoaderOptions {
  BatchSize size = {.trees = 16};
  std::uint64_t seed = 0;
  bool shuffle = true;
};

// An endless sequence of batches over one or more stores. Batch `step` is a function of the stores,
// the weights and the options, so a resumed run asks for the step it stopped at and gets what the
// uninterrupted run would have read. Epochs follow without a seam: every batch is full.
class Loader {
 public:
  Loader() = default;
  explicit Loader(Store store, LoaderOptions options = {})
      : Loader(std::vector<Source>{{std::move(store), 1.0}}, options) {}
  explicit Loader(std::vector<Source> sources, LoaderOptions options = {})
      : sources_(std::move(sources)), options_(options) {
    detail::Room check(options_.size);
    std::vector<Mixture::Source> sizes;
    for (const Source& s : sources_) sizes.push_back({s.store.size(), s.weight});
    stream_ = Mixture(std::move(sizes), options_.seed, options_.shuffle);
  }

  Batch batch(std::uint64_t step) {
    Batch out;
    for (const Pick& pick : picks(step)) add_tree(out, sources_[pick.source].store, pick);
    return out;
  }

  // The trees of a batch without their tokens.
  std::vector<Pick> picks(std::uint64_t step) {
    if (options_.size.tokens <= 0) {
      const auto trees = static_cast<std::uint64_t>(options_.size.trees);
      std::vector<Pick> out;
      for (std::uint64_t i = 0; i < trees; ++i) out.push_back(stream_.at(step * trees + i));
      return out;
    }
    if (starts_.empty()) starts_.push_back(0);
    while (starts_.size() <= step) starts_.push_back(starts_.back() + fill(starts_.back()).size());
    std::vector<Pick> out = fill(starts_[step]);
    if (starts_.size() == step + 1) starts_.push_back(starts_[step] + out.size());
    return out;
  }

  // What rewards want to know of the trees of a batch.
  PromptInfo info(const Pick& pick) const { return sources_[pick.source].store.info(pick.index); }
  std::uint64_t id(const Pick& pick) const { return sources_[pick.source].store.id(pick.index); }

  // Trees of all stores together, once each.
  std::uint64_t size() const {
    std::uint64_t sum = 0;
    for (const Source& s : sources_) sum += s.store.size();
    return sum;
  }

 private:
  std::vector<Pick> fill(std::uint64_t position) {
    detail::Room room(options_.size);
    std::vector<Pick> out;
    while (true) {
      const Pick pick = stream_.at(position + out.size());
      const Store& store = sources_[pick.source].store;
      if (!room.take(store.length(pick.index), store.id(pick.index))) return out;
      out.push_back(pick);
    }
  }

  std::vector<Source> sources_;
  LoaderOptions options_;
  Mixture stream_;
  std::vector<std::uint64_t> starts_;  // first position of each batch that was ever asked for
};

// The trees of a store in order, once, as a view of batches; the last one may be smaller.
//
//     for (const Batch& batch : batches(held_out, {.tokens = 8192})) ...
inline auto batches(const Store& store, const BatchSize& size) {
  auto starts = std::make_shared<std::vector<std::uint64_t>>();
  detail::Room room(size);
  for (std::uint64_t tree = 0; tree < store.size(); ++tree) {
    if (tree == 0 || !room.take(store.length(tree), store.id(tree))) {
      starts->push_back(tree);
      room = detail::Room(size);
      room.take(store.length(tree), store.id(tree));
    }
  }
  starts->push_back(store.size());
  return ranges::views::iota(std::size_t{0}, starts->size() - 1) |
         ranges::views::transform([store, starts](std::size_t b) {
           Batch out;
           for (std::uint64_t tree = (*starts)[b]; tree < (*starts)[b + 1]; ++tree)
             add_tree(out, store, {.index = tree});
           return out;
         });
}

}  // namespace data
}  // namespace v0
}  // namespace hone
