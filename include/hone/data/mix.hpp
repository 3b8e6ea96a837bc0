// Several data sets as one endless, shuffled stream; and classes brought into balance.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/data/shuffle.hpp"

namespace hone {
inline namespace v0 {
namespace data {

// An item of a stream: where it comes from and in which pass over its source.
struct Pick {
  std::uint32_t source = 0;
  std::uint64_t index = 0;
  std::uint64_t epoch = 0;
  bool operator==(const Pick&) const = default;
};

// An endless stream of items from one or more sources. Each source runs through its items in a new
// order every epoch, epochs follow without a seam. Of every n items of the stream a source gives
// its weight's share, to within one item per source: the source that is furthest behind its share
// comes next. Where an item stands depends on sizes, weights and seed alone.
class Mixture {
 public:
  struct Source {
    std::uint64_t size = 0;
    double weight = 1.0;
  };

  Mixture() = default;
  Mixture(std::vector<Source> sources, std::uint64_t seed, bool shuffle = true)
      : sources_(std::move(sources)), seed_(seed), shuffle_(shuffle) {
    require(!sources_.empty(), "Mixture: there is no source");
    double sum = 0;
    for (const Source& s : sources_) {
      require(s.size > 0, "Mixture: a source is empty");
      require(s.weight > 0, "Mixture: a weight is ", s.weight, ", expected more than 0");
      sum += s.weight;
    }
    for (Source& s : sources_) s.weight /= sum;
    counts_.assign(sources_.size(), 0);
    orders_.assign(sources_.size(), {});
  }

  Pick at(std::uint64_t position) {
    const Draw draw = sources_.size() == 1 ? Draw{0, position} : drawn(position);
    const std::uint64_t size = sources_[draw.source].size, epoch = draw.number / size;
    return {draw.source, order(draw.source, epoch)[draw.number % size], epoch};
  }

  const std::vector<Source>& sources() const { return sources_; }

 private:
  struct Draw {
    std::uint32_t source = 0;
    std::uint64_t number = 0;  // of items that its source gave before
  };

  const Draw& drawn(std::uint64_t position) {
    while (draws_.size() <= position) {
      std::uint32_t next = 0;
      double most = -1e300;
      for (std::uint32_t s = 0; s < sources_.size(); ++s) {
        const double behind = std::fma(sources_[s].weight, static_cast<double>(draws_.size() + 1),
                                       -static_cast<double>(counts_[s]));
        if (behind > most) {
          most = behind;
          next = s;
        }
      }
      draws_.push_back({next, counts_[next]++});
    }
    return draws_[position];
  }
  const std::vector<std::uint64_t>& order(std::uint32_t source, std::uint64_t epoch) {
    auto& [cached, values] = orders_[source];
    if (values.empty() || cached != epoch) {
      cached = epoch;
      if (shuffle_) {
        values = permutation(sources_[source].size, mix(seed_, source), epoch);
      } else {
        values.resize(sources_[source].size);
        for (std::uint64_t i = 0; i < values.size(); ++i) values[i] = i;
      }
    }
    return values;
  }

  std::vector<Source> sources_;
  std::uint64_t seed_ = 0;
  bool shuffle_ = true;
  std::vector<std::uint64_t> counts_;  // [sources] items drawn so far
  std::vector<Draw> draws_;            // by position, as far as the stream was read
  std::vector<std::pair<std::uint64_t, std::vector<std::uint64_t>>> orders_;  // epoch, its order
};

// How many records of each class a balanced data set has.
enum class Balance : std::uint8_t {
  repeat,  // as many as the largest class: smaller ones are repeated, the last time in part
  sample,  // as many as the smallest class: a random part of the larger ones
};

// Indices of records so that all classes are equally many, in a shuffled order. classes[i] is the
// class of record i; any type with an order.
//
//     records | picked(balanced(classes, Balance::repeat, seed))
template <class Classes>
std::vector<std::uint64_t> balanced(const Classes& classes, Balance how, std::uint64_t seed) {
  std::map<typename Classes::value_type, std::vector<std::uint64_t>> members;
  std::uint64_t index = 0;
  for (const auto& c : classes) members[c].push_back(index++);
  std::uint64_t least = ~std::uint64_t{0}, most = 0;
  for (const auto& [name, list] : members) {
    least = std::min<std::uint64_t>(least, list.size());
    most = std::max<std::uint64_t>(most, list.size());
  }
  const std::uint64_t each = how == Balance::repeat ? most : least;
  std::vector<std::uint64_t> out;
  std::uint64_t number = 0;
  for (auto& [name, list] : members) {
    for (std::uint64_t taken = 0; taken < each; ++taken) {
      if (taken % list.size() == 0)
        shuffle(list, random_stream(Stream::balance, seed, taken / list.size(), number));
      out.push_back(list[taken % list.size()]);
    }
    ++number;
  }
  shuffle(out, random_stream(Stream::balance, seed, 0, number));
  return out;
}

}  // namespace data
}  // namespace v0
}  // namespace hone
