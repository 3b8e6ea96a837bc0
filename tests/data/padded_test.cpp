#include "hone/data/padded.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "hone/core/random.hpp"

namespace {

using namespace hone;
using namespace hone::data;

// A random forest with branching conversations, empty segments included.
Forest random_forest(std::uint64_t seed) {
  RandomStream random({.seed = seed});
  Forest forest;
  const auto tokens = [&](std::uint64_t most) {
    std::vector<Token> out(random.below(most + 1));
    for (Token& t : out) t = static_cast<Token>(random.below(50));
    return out;
  };
  for (std::uint64_t trees = 1 + random.below(4); trees > 0; --trees) {
    const std::int32_t root = forest.add_root(tokens(6), random.below(100));
    for (std::uint64_t n = random.below(5); n > 0; --n) {
      const auto last = static_cast<std::uint64_t>(forest.segments().size());
      const auto parent =
          root + static_cast<std::int32_t>(random.below(last - static_cast<std::uint64_t>(root)));
      forest.add_child(parent, tokens(4));
    }
  }
  return forest;
}

TEST(Padded, RowsAreTheSequencesOfTheLeaves) {
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    for (const Side side : {Side::left, Side::right}) {
      const Forest forest = random_forest(seed);
      const Padded p = pad(forest, {.side = side, .token = 7, .multiple_of = 4});
      ASSERT_EQ(p.width % 4, 0);
      ASSERT_EQ(p.rows, static_cast<std::int64_t>(p.segments.size()));
      for (std::int64_t row = 0; row < p.rows; ++row) {
        const auto sequence = forest.sequence(p.segments[static_cast<std::size_t>(row)]);
        const auto length = static_cast<std::int64_t>(sequence.size());
        const std::int64_t begin = side == Side::left ? p.width - length : 0;
        for (std::int64_t c = 0; c < p.width; ++c) {
          const auto cell = static_cast<std::size_t>(row * p.width + c);
          const bool real = c >= begin && c < begin + length;
          ASSERT_EQ(p.attention[cell], real);
          ASSERT_EQ(p.tokens[cell], real ? sequence[static_cast<std::size_t>(c - begin)] : 7);
          ASSERT_EQ(p.positions[cell], real ? c - begin : 0);
          ASSERT_EQ(p.index[cell] >= 0, real);
          if (real) {
            ASSERT_EQ(forest.tokens()[static_cast<std::size_t>(p.index[cell])], p.tokens[cell]);
          }
        }
      }
    }
}

TEST(Padded, ValuesComeBackToTheirTokens) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Forest forest = random_forest(seed);
    const Padded p = pad(forest, {.side = seed % 2 ? Side::left : Side::right});
    std::vector<double> values(static_cast<std::size_t>(forest.size()));
    std::iota(values.begin(), values.end(), 1.0);
    const auto rows = spread(p, std::span<const double>(values), -1.0);
    EXPECT_EQ(unpad(p, std::span<const double>(rows), forest.size()), values);

    // unpad_sum is the transpose of spread: <spread(x), y> = <x, unpad_sum(y)>.
    std::vector<double> y(rows.size());
    for (std::size_t c = 0; c < y.size(); ++c) y[c] = static_cast<double>(c % 11) - 5;
    const auto zeroed = spread(p, std::span<const double>(values), 0.0);
    const auto back = unpad_sum(p, std::span<const double>(y), forest.size());
    EXPECT_EQ(std::inner_product(zeroed.begin(), zeroed.end(), y.begin(), 0.0),
              std::inner_product(values.begin(), values.end(), back.begin(), 0.0));
  }
}

TEST(Padded, PadTokenMayBeTheEndToken) {
  Forest forest;
  const std::vector<Token> a = {2, 5, 2}, b = {2};
  forest.add_root(a);
  forest.add_root(b);
  const Padded p = pad(forest, {.token = 2});
  EXPECT_EQ(p.attention, (std::vector<std::uint8_t>{1, 1, 1, 1, 0, 0}));
  EXPECT_THROW(unpad(p, std::span<const float>(), 4), Error);
  EXPECT_THROW(pad(forest, {.multiple_of = 0}), Error);
  EXPECT_EQ(pad(Forest{}).rows, 0);
}

}  // namespace
