// Orders that are a function of the seed alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <range/v3/view/all.hpp>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>
#include <range/v3/view/view.hpp>
#include <utility>
#include <vector>

#include "hone/core/random.hpp"

namespace hone {
inline namespace v0 {
namespace data {

// The uses of random numbers in this room (RandomKey::stream).
enum class Stream : std::uint32_t {
  shuffle = 0x64617401,
  split,
  balance,
  augment,
  pairs,
  tasks,
};

inline RandomStream random_stream(Stream use, std::uint64_t seed, std::uint64_t step = 0,
                                  std::uint64_t item = 0) {
  return RandomStream(
      {.seed = seed, .step = step, .sequence = item, .stream = static_cast<std::uint32_t>(use)});
}

// A permutation of values in place (Fisher and Yates; Durstenfeld 1964).
template <class Values>
void shuffle(Values& values, RandomStream random) {
  for (std::uint64_t n = values.size(); n > 1; --n)
    std::swap(values[n - 1], values[random.below(n)]);
}

// The order of `count` items in an epoch.
inline std::vector<std::uint64_t> permutation(std::uint64_t count, std::uint64_t seed,
                                              std::uint64_t epoch = 0) {
  std::vector<std::uint64_t> order(count);
  for (std::uint64_t i = 0; i < count; ++i) order[i] = i;
  shuffle(order, random_stream(Stream::shuffle, seed, epoch));
  return order;
}

// A view of the elements of a random-access range that stand at these indices, in this order; an
// index may occur any number of times.
//
//     records | picked(balanced(classes, ...))
inline auto picked(std::vector<std::uint64_t> indices) {
  auto order = std::make_shared<const std::vector<std::uint64_t>>(std::move(indices));
  return ranges::make_view_closure([order]<class Range>(Range&& range) {
    auto all = ranges::views::all(std::forward<Range>(range));
    return ranges::views::iota(std::uint64_t{0}, std::uint64_t{order->size()}) |
           ranges::views::transform([all, order](std::uint64_t i) -> decltype(auto) {
             using Difference = ranges::range_difference_t<decltype(all)>;
             return ranges::begin(all)[static_cast<Difference>((*order)[i])];
           });
  });
}

// A view of a random-access range in the epoch's order.
//
//     records | shuffled(seed, epoch)
inline auto shuffled(std::uint64_t seed, std::uint64_t epoch = 0) {
  return ranges::make_view_closure([=]<class Range>(Range&& range) {
    auto order = permutation(static_cast<std::uint64_t>(ranges::size(range)), seed, epoch);
    return std::forward<Range>(range) | picked(std::move(order));
  });
}

}  // namespace data
}  // namespace v0
}  // namespace hone
