#include "hone/loss/aggregation.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hone {
namespace {

// Three sequences: two sampled tokens and a gap, none at all, four sampled.
const std::vector<std::int64_t> offsets{0, 3, 3, 7};
const std::vector<std::uint8_t> mask{1, 0, 1, 1, 1, 1, 1};

loss::Counts count() {
  loss::Counts c;
  c.add(offsets, mask);
  return c;
}

template <class Aggregation>
std::vector<float> weigh(const Aggregation& a, const loss::Counts& counts) {
  std::vector<float> w(7, 9.0f);
  loss::token_weights(a, counts, offsets, mask, w);
  return w;
}

TEST(Aggregation, CountsSampledTokensAndSequencesThatHaveAny) {
  EXPECT_EQ(count(), (loss::Counts{.tokens = 6, .sequences = 2, .empty = 1}));
  loss::Counts all;
  all.add(offsets, {});
  EXPECT_EQ(all.tokens, 7);
}

TEST(Aggregation, CountsWhatWasCutOff) {
  const std::vector<std::uint8_t> truncated{1, 1, 0};  // the second has no token
  loss::Counts c, more;
  c.add(offsets, mask, truncated);
  EXPECT_EQ(c, (loss::Counts{.tokens = 6, .sequences = 2, .empty = 1, .cut_off = 1}));
  more.add(c);
  more.add(c);
  EXPECT_EQ(more.cut_off, 2);
}

TEST(Aggregation, TokenMean) {
  const float w = 1.0f / 6;
  EXPECT_EQ(weigh(loss::TokenMean{}, count()), (std::vector<float>{w, 0, w, w, w, w, w}));
}

TEST(Aggregation, SequenceMean) {
  EXPECT_EQ(weigh(loss::SequenceMean{}, count()),
            (std::vector<float>{0.25f, 0, 0.25f, 0.125f, 0.125f, 0.125f, 0.125f}));
  const float third = 1.0f / 6, twelfth = 1.0f / 12;
  EXPECT_EQ(weigh(loss::SequenceMean{.count_empty = true}, count()),
            (std::vector<float>{third, 0, third, twelfth, twelfth, twelfth, twelfth}));
}

TEST(Aggregation, FixedLength) {
  const float w = 1.0f / 30;
  EXPECT_EQ(weigh(loss::FixedLength{.max_length = 10}, count()),
            (std::vector<float>{w, 0, w, w, w, w, w}));
  EXPECT_EQ(weigh(loss::FixedLength{.max_length = 8, .count_empty = false}, count())[0], 0.0625f);
}

TEST(Aggregation, TheWholeBatchCountsNotTheMicroBatch) {
  // The same sequence weighs the same, whatever else is in its micro-batch.
  loss::Counts total;
  const std::vector<std::int64_t> first{0, 3}, rest{3, 3, 7};
  loss::Counts a, b;
  a.add(first, mask);
  b.add(rest, mask);
  total.add(a);
  total.add(b);
  EXPECT_EQ(total, count());
  std::vector<float> w(7);
  loss::token_weights(loss::TokenMean{}, total, first, mask, w);
  loss::token_weights(loss::TokenMean{}, total, rest, mask, w);
  EXPECT_EQ(w, weigh(loss::TokenMean{}, count()));
}

TEST(Aggregation, OfSequences) {
  std::vector<float> w(3);
  loss::sequence_weights(loss::SequenceMean{}, count(), offsets, mask, w);
  EXPECT_EQ(w, (std::vector<float>{0.5f, 0, 0.5f}));
  loss::sequence_weights(loss::SequenceMean{.count_empty = true}, count(), offsets, mask, w);
  EXPECT_EQ(w, (std::vector<float>{1.0f / 3, 0, 1.0f / 3}));
}

// A sum over sequences of one's own: an aggregation may have both weights.
struct Sums {
  float operator()(const loss::Counts&, std::int64_t) const { return 1.0f; }
  float sequence(const loss::Counts& batch) const { return static_cast<float>(batch.tokens); }
};

TEST(Aggregation, OfSequencesAsAUserSays) {
  static_assert(loss::WeighsSequences<loss::SequenceMean> && loss::WeighsSequences<Sums>);
  static_assert(!loss::WeighsSequences<loss::TokenMean> &&
                !loss::WeighsSequences<loss::FixedLength>);
  std::vector<float> w(3);
  loss::sequence_weights(Sums{}, count(), offsets, mask, w);
  EXPECT_EQ(w, (std::vector<float>{6, 0, 6}));
}

TEST(Aggregation, ABatchWithoutTokensHasNoWeights) {
  const std::vector<std::int64_t> none{0, 2};
  const std::vector<std::uint8_t> masked{0, 0};
  loss::Counts c;
  c.add(none, masked);
  std::vector<float> w(2, 9.0f);
  loss::token_weights(loss::TokenMean{}, c, none, masked, w);
  EXPECT_EQ(w, (std::vector<float>{0, 0}));
}

TEST(Aggregation, AUserWritesALambda) {
  const auto by_square_root = [](const loss::Counts& c, std::int64_t length) {
    return 1.0f / (static_cast<float>(c.sequences) * static_cast<float>(length * length));
  };
  EXPECT_EQ(weigh(by_square_root, count())[3], 1.0f / 32);
}

}  // namespace
}  // namespace hone
