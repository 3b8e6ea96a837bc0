#include "hone/kernel/elementwise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "floats.hpp"
#include "hone/core/parallel.hpp"

namespace {

using namespace hone_test;
namespace kernel = hone::kernel;

TEST(Elementwise, VectorsOfAnyLengthAndThreads) {
  const int before = hone::threads();
  for (const std::int64_t n : {0, 1, 15, 16, 17, 40000, 65537}) {
    hone::set_threads(1 + static_cast<int>(n % 4));
    const Floats a = random_floats(n, 1), b = random_floats(n, 2);
    Floats sum(a.size()), scaled(a.size()), chained = b, constant(a.size());
    kernel::add(n, a.data(), b.data(), sum.data());
    kernel::scale(n, 0.3f, a.data(), scaled.data());
    kernel::add_scaled(n, 0.3f, a.data(), chained.data());
    kernel::fill(n, 2.5f, constant.data());
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(sum[i], a[i] + b[i]);
      ASSERT_EQ(scaled[i], 0.3f * a[i]);
      ASSERT_EQ(chained[i], std::fma(0.3f, a[i], b[i]));
      ASSERT_EQ(constant[i], 2.5f);
    }
  }
  hone::set_threads(before);
}

TEST(Elementwise, RowsAreCopiedAddedGatheredAndScattered) {
  const int before = hone::threads();
  for (int threads = 1; threads <= 4; ++threads) {
    hone::set_threads(threads);
    const std::int64_t rows = 300, cols = 71, ld_x = 80, ld_y = 75;
    const kernel::RowsShape s = {.rows = rows, .cols = cols, .ld_x = ld_x, .ld_y = ld_y};
    const Floats x = random_floats(rows * ld_x, 1), start = random_floats(rows * ld_y, 2);
    std::vector<std::int64_t> index;
    for (std::int64_t r = 0; r < rows; ++r) index.push_back(r * r % 37);
    Floats copied = start, added = start, gathered = start, scattered = start,
           summed(start.begin(), start.begin() + cols);
    kernel::copy_rows(s, x.data(), copied.data());
    kernel::add_rows(s, x.data(), added.data());
    kernel::gather_rows(s, index.data(), x.data(), gathered.data());
    kernel::scatter_add_rows(s, index.data(), x.data(), scattered.data());
    kernel::sum_rows(s, x.data(), summed.data());
    Floats c = start, a = start, g = start, t = start, u(start.begin(), start.begin() + cols);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < cols; ++i) {
        const auto from = [&](std::int64_t row) {
          return x[static_cast<std::size_t>(row * ld_x + i)];
        };
        const auto to = static_cast<std::size_t>(r * ld_y + i);
        const std::int64_t other = index[static_cast<std::size_t>(r)];
        c[to] = from(r);
        a[to] += from(r);
        g[to] = from(other);
        t[static_cast<std::size_t>(other * ld_y + i)] += from(r);
        u[static_cast<std::size_t>(i)] += from(r);
      }
    expect_bits(copied, c, "copy_rows");
    expect_bits(added, a, "add_rows");
    expect_bits(gathered, g, "gather_rows");
    expect_bits(scattered, t, "scatter_add_rows");
    expect_bits(summed, u, "sum_rows");
  }
  hone::set_threads(before);
}

}  // namespace
