// One data set divided over the stages, or into training and held-out records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <range/v3/view/filter.hpp>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/data/shuffle.hpp"

namespace hone {
inline namespace v0 {
namespace data {

// Which part a record belongs to is a function of its id and the seed alone: records that are
// added, removed or reordered move no other record. A part's share of the records is its share of
// the ratios, up to chance (of n records within about sqrt(n)).
//
//     const Split split{.ratios = {8, 1, 1}, .seed = 7};
//     for (const Record& r : records | split.only(0)) ...
struct Split {
  std::vector<double> ratios = {8, 1, 1};
  std::uint64_t seed = 0;

  std::size_t part(std::uint64_t id) const {
    double sum = 0;
    for (const double r : ratios) {
      require(r >= 0, "Split: a ratio is ", r, ", expected 0 or more");
      sum += r;
    }
    require(sum > 0, "Split: the ratios add up to ", sum, ", expected more than 0");
    const double at = random_stream(Stream::split, seed, 0, id).uniform() * sum;
    double upto = 0;
    std::size_t last = 0;
    for (std::size_t p = 0; p < ratios.size(); ++p) {
      upto += ratios[p];
      if (ratios[p] > 0 && at < upto) return p;
      if (ratios[p] > 0) last = p;
    }
    return last;  // rounding ate the rest
  }

  // A view of the records of one part; a record is anything with a member id.
  auto only(std::size_t which) const {
    require(which < ratios.size(), "Split: part is ", which, ", expected less than ",
            ratios.size());
    return ranges::views::filter(
        [split = *this, which](const auto& record) { return split.part(record.id) == which; });
  }

  template <class Fingerprint>
  void describe(Fingerprint& f) const {
    f.add("split", ratios).add("", seed);
  }
};

}  // namespace data
}  // namespace v0
}  // namespace hone
