// The scores of answers that belong together, with the statistics that baselines are made of.
#pragma once

#include <cstddef>
#include <span>

#include "hone/advantage/moments.hpp"
#include "hone/advantage/trajectory.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

class Group {
 public:
  HONE_HD Group(std::span<const float> scores, std::span<const float> lengths)
      : Group(scores, lengths, of(scores)) {}
  // With the moments of the scores, where a team of threads has found them.
  HONE_HD Group(std::span<const float> scores, std::span<const float> lengths,
                const Moments& moments)
      : scores_(scores), lengths_(lengths), moments_(moments) {}

  HONE_HD std::size_t size() const { return scores_.size(); }          // G
  HONE_HD std::span<const float> scores() const { return scores_; }    // [G]
  HONE_HD std::span<const float> lengths() const { return lengths_; }  // [G] sampled tokens

  HONE_HD double mean() const { return moments_.mean; }
  // sqrt(sum (r - mean)^2 / (G - ddof)); 0 for G <= ddof and for equal scores.
  HONE_HD double deviation(int ddof = 1) const { return moments_.deviation(ddof); }

  // The moments of the other scores, number `left_out` apart. One score has no others: all zero.
  HONE_HD Moments without(std::size_t left_out) const {
    if (size() < 2) return {};
    return moments(static_cast<std::int64_t>(size()) - 1, [&](std::int64_t i) {
      const auto k = static_cast<std::size_t>(i);
      return static_cast<double>(scores_[k < left_out ? k : k + 1]);
    });
  }

  // sum l r / sum l over all answers but number `left_out` (size(): over all); 0 where those are
  // empty.
  HONE_HD double length_weighted_mean(std::size_t left_out) const {
    const auto product = [&](std::size_t i) {  // exact in double
      return i == left_out ? 0.0 : static_cast<double>(lengths_[i]) * scores_[i];
    };
    double reach = 0, tokens = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      reach = std::max(reach, std::abs(product(i)));
      if (i != left_out) tokens += lengths_[i];
    }
    if (!(tokens > 0)) return 0;
    const auto n = static_cast<std::int64_t>(size());
    return order_free_sum(n, reach,
                          [&](std::int64_t i) { return product(static_cast<std::size_t>(i)); }) /
           tokens;
  }

 private:
  HONE_HD static Moments of(std::span<const float> scores) {
    return moments(static_cast<std::int64_t>(scores.size()), [&](std::int64_t i) {
      return static_cast<double>(scores[static_cast<std::size_t>(i)]);
    });
  }

  std::span<const float> scores_, lengths_;
  Moments moments_;
};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
