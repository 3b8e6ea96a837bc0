#include "hone/kernel/rotary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "floats.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/reference/rotary.hpp"

namespace {

using namespace hone_test;
using hone::kernel::RotaryNumbers;
using hone::kernel::RotaryTable;

const std::vector<RotaryNumbers> settings = {{.theta = 10000.0f, .head_dim = 64},
                                             {.theta = 100000.0f, .head_dim = 80},
                                             {.theta = 1000000.0f, .head_dim = 128},
                                             {.theta = 10000.0f, .head_dim = 6},
                                             {.theta = 500000.0f,
                                              .head_dim = 64,
                                              .factor = 32.0f,
                                              .low_freq_factor = 1.0f,
                                              .high_freq_factor = 4.0f,
                                              .original_max_positions = 8192}};

TEST(Rotary, FrequenciesAreTheReferenceToTheLastPlace) {
  for (const RotaryNumbers& n : settings) {
    const auto frequencies = hone::kernel::detail::rotary_frequencies(n);
    ASSERT_EQ(static_cast<std::int64_t>(frequencies.size()), n.head_dim / 2);
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      const double expected =
          hone::kernel::reference::rotary_frequency(n, 2 * static_cast<std::int64_t>(i));
      // The exponent is a float32 as well: an error of log(theta) / 2^25 at most.
      EXPECT_NEAR(frequencies[i] / expected, 1.0, 1e-6) << "theta " << n.theta << " i " << i;
    }
  }
}

TEST(Rotary, PowersAreThoseOfTheLibraryToDoubleRounding) {
  for (double base : {1.5, 10000.0, 500000.0, 1e6})
    for (int i = 0; i < 128; ++i) {
      const double exponent = static_cast<float>(i) / 128.0f;
      EXPECT_NEAR(
          hone::kernel::detail::power_of_fraction(base, exponent) / std::pow(base, exponent), 1.0,
          1e-14);
    }
}

TEST(Rotary, RotationIsTheReference) {
  for (const RotaryNumbers& n : settings) {
    const std::int64_t rows = 40, heads = 3, ld = heads * n.head_dim + 5;
    const RotaryTable table(n, 3000);
    std::vector<std::int32_t> positions;
    for (std::int64_t r = 0; r < rows; ++r)
      positions.push_back(static_cast<std::int32_t>(r * 71 % 3000));
    const Floats start = random_floats(rows * ld, 1);
    Floats x = start;
    table.apply(rows, heads, ld, positions.data(), x.data());
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t h = 0; h < heads; ++h) {
        const auto at = static_cast<std::size_t>(r * ld + h * n.head_dim);
        const auto end = at + static_cast<std::size_t>(n.head_dim);
        const std::vector<double> from(start.begin() + static_cast<std::ptrdiff_t>(at),
                                       start.begin() + static_cast<std::ptrdiff_t>(end));
        std::vector<double> expected(from.size());
        hone::kernel::reference::rotate(n, positions[static_cast<std::size_t>(r)], from.data(),
                                        expected.data());
        // float32 angles of up to 3000 radians are off by 1e-4 at most.
        for (std::size_t i = 0; i < expected.size(); ++i)
          ASSERT_NEAR(x[at + i], expected[i], 1e-3) << "row " << r << " head " << h << " i " << i;
      }
      for (std::int64_t i = heads * n.head_dim; i < ld; ++i) {
        const auto at = static_cast<std::size_t>(r * ld + i);
        ASSERT_EQ(x[at], start[at]) << "written beyond the heads";
      }
    }
    // The inverse undoes it, and is the transpose: <R a, b> = <a, R^-1 b>.
    Floats back = x;
    table.apply_inverse(rows, heads, ld, positions.data(), back.data());
    for (std::size_t i = 0; i < back.size(); ++i) ASSERT_NEAR(back[i], start[i], 1e-6);
  }
}

// The gradient of a rotated x becomes that of x.
TEST(Rotary, TheInverseIsTheGradient) {
  for (const RotaryNumbers& n : settings) {
    const RotaryTable table(n, 3000);
    for (const std::int32_t position : {0, 1, 17, 2999}) {
      auto x = doubles(random_floats(n.head_dim, 1));
      const Floats dy = random_floats(n.head_dim, 2);
      std::vector<double> dx(x.size());
      hone::kernel::reference::rotate_inverse(n, position, doubles(dy).data(), dx.data());
      expect_slopes(
          x, dx,
          [&] {
            std::vector<double> y(x.size());
            hone::kernel::reference::rotate(n, position, x.data(), y.data());
            return inner(y, doubles(dy));
          },
          "x");
      Floats fast = dy;
      table.apply_inverse(1, 1, n.head_dim, &position, fast.data());
      for (std::size_t i = 0; i < dx.size(); ++i)
        ASSERT_NEAR(fast[i], dx[i], 1e-3) << "position " << position << " i " << i;
    }
  }
}

TEST(Rotary, BitsDoNotDependOnBatchThreadsOrGrowth) {
  const RotaryNumbers n = settings[1];
  const std::int64_t rows = 300, heads = 2, ld = heads * n.head_dim;
  const RotaryTable table(n, 2000);
  RotaryTable grown(n, 7);
  EXPECT_EQ(grown.positions(), 7);
  grown.extend(500);
  grown.extend(100);
  grown.extend(2000);
  EXPECT_EQ(grown.positions(), 2000);
  EXPECT_EQ(grown.head_dim(), 80);
  std::vector<std::int32_t> positions;
  for (std::int64_t r = 0; r < rows; ++r)
    positions.push_back(static_cast<std::int32_t>(r * 37 % 2000));
  const Floats start = random_floats(rows * ld, 2);
  const int before = hone::threads();
  hone::set_threads(1);
  Floats x = start;
  table.apply(rows, heads, ld, positions.data(), x.data());
  for (int threads = 1; threads <= 4; ++threads) {
    hone::set_threads(threads);
    Floats y = start;
    grown.apply(rows, heads, ld, positions.data(), y.data());
    EXPECT_EQ(std::memcmp(x.data(), y.data(), x.size() * sizeof(float)), 0);
    Floats one(start.begin(), start.begin() + ld);
    grown.apply(1, heads, ld, positions.data(), one.data());
    EXPECT_EQ(std::memcmp(x.data(), one.data(), one.size() * sizeof(float)), 0);
  }
  hone::set_threads(before);
}

TEST(Rotary, PositionsOutsideTheTableAreErrors) {
  const RotaryTable table(settings[0], 10);
  Floats x(64);
  for (const std::int32_t position : {-1, 10}) {
    try {
      table.apply(1, 1, 64, &position, x.data());
      FAIL() << "position " << position << " was accepted";
    } catch (const hone::Error& e) {
      EXPECT_NE(std::string(e.what()).find("expected 0 to 9"), std::string::npos) << e.what();
    }
  }
  EXPECT_THROW(RotaryTable({.head_dim = 7}, 1), hone::Error);
}

}  // namespace
