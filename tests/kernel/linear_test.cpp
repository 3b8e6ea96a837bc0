#include "hone/kernel/linear.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "floats.hpp"
#include "hone/core/random.hpp"
#include "hone/core/scalar.hpp"
#include "hone/kernel/reference/linear.hpp"

namespace {

using namespace hone_test;
using namespace hone::kernel;
namespace reference = hone::kernel::reference;

struct Problem {
  LinearShape shape;
  Floats x, w, bias, dy;

  Problem(std::int64_t rows, std::int64_t in, std::int64_t out, std::int64_t gap = 0)
      : shape{.rows = rows, .in = in, .out = out, .ld_x = in + gap, .ld_y = out + gap},
        x(random_floats(rows * (in + gap), 1)),
        w(static_cast<std::size_t>(panel_size(out, in))),
        bias(random_floats(out, 3)),
        dy(random_floats(rows * (out + gap), 4)) {
    pack_panels(random_floats(out * in, 2).data(), out, in, w.data());
  }
  std::string name() const {
    return std::to_string(shape.rows) + " x " + std::to_string(shape.in) + " -> " +
           std::to_string(shape.out) + ", rows " + std::to_string(shape.ld_x - shape.in) + " apart";
  }
};

struct Results {
  Floats y, dx, dw, db;
};

// `direct`: the definition; otherwise the fast version.
Results run(const Problem& p, bool direct, bool with_bias, bool accumulate) {
  Results r{Floats(p.dy.size(), 7.0f), random_floats(static_cast<std::int64_t>(p.x.size()), 5),
            Floats(p.w.size()), random_floats(p.shape.out, 6)};
  pack_panels(random_floats(p.shape.out * p.shape.in, 8).data(), p.shape.out, p.shape.in,
              r.dw.data());
  const float* bias = with_bias ? p.bias.data() : nullptr;
  float* db = with_bias ? r.db.data() : nullptr;
  if (direct) {
    reference::linear(p.shape, p.x.data(), p.w.data(), bias, r.y.data());
    reference::linear_input_gradient(p.shape, p.dy.data(), p.w.data(), r.dx.data(), accumulate);
    reference::linear_weight_gradient(p.shape, p.dy.data(), p.x.data(), r.dw.data(), db);
  } else {
    linear(p.shape, p.x.data(), p.w.data(), bias, r.y.data());
    linear_input_gradient(p.shape, p.dy.data(), p.w.data(), r.dx.data(), accumulate);
    linear_weight_gradient(p.shape, p.dy.data(), p.x.data(), r.dw.data(), db);
  }
  return r;
}

std::int64_t compare(const Problem& p, bool with_bias, bool accumulate) {
  const Results fast = run(p, false, with_bias, accumulate);
  const Results slow = run(p, true, with_bias, accumulate);
  EXPECT_EQ(differing(fast.y, slow.y), 0) << "y, " << p.name();
  EXPECT_EQ(differing(fast.dx, slow.dx), 0) << "dx, " << p.name();
  EXPECT_EQ(differing(fast.dw, slow.dw), 0) << "dw, " << p.name();
  EXPECT_EQ(differing(fast.db, slow.db), 0) << "db, " << p.name();
  return static_cast<std::int64_t>(fast.y.size() + fast.dx.size() + fast.dw.size());
}

TEST(Linear, EqualsItsDefinitionBitForBitAtOddSizes) {
  std::int64_t compared = 0;
  int variant = 0;
  for (std::int64_t rows = 0; rows <= 40; ++rows)
    for (const auto& [in, out] : {std::pair<std::int64_t, std::int64_t>{0, 5},
                                  {1, 1},
                                  {1, 17},
                                  {5, 3},
                                  {7, 64},
                                  {16, 16},
                                  {33, 31},
                                  {48, 100}}) {
      ++variant;
      compared += compare(Problem(rows, in, out, variant % 3), variant % 2, variant % 5 < 2);
    }
  std::printf("%lld elements equal\n", static_cast<long long>(compared));
}

TEST(Linear, EqualsItsDefinitionBitForBitAcrossCacheBlocks) {
  std::int64_t compared = 0;
  for (const auto& [rows, in, out] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{1, 777, 1001},
        {2, 600, 333},
        {3, 600, 333},
        {8, 1100, 500},
        {13, 530, 300},
        {150, 300, 210},
        {300, 270, 290},
        {531, 33, 513},
        {260, 513, 40},
        {259, 37, 4229}})
    compared += compare(Problem(rows, in, out, 5), true, true);
  std::printf("%lld elements equal\n", static_cast<long long>(compared));
}

TEST(Linear, ThreadCountChangesNoBit) {
  const Problem p(270, 300, 450);
  const int before = hone::threads();
  hone::set_threads(1);
  const Results one = run(p, false, true, true);
  for (int n : {2, 3, 4}) {
    hone::set_threads(n);
    const Results many = run(p, false, true, true);
    EXPECT_EQ(differing(one.y, many.y), 0) << n << " threads";
    EXPECT_EQ(differing(one.dx, many.dx), 0) << n << " threads";
    EXPECT_EQ(differing(one.dw, many.dw), 0) << n << " threads";
    EXPECT_EQ(differing(one.db, many.db), 0) << n << " threads";
  }
  hone::set_threads(before);
}

// A row alone, and a batch cut anywhere, give the bits of the whole batch.
TEST(Linear, CuttingTheBatchChangesNoBit) {
  const Problem p(60, 70, 90);
  const Results whole = run(p, false, true, false);
  for (std::int64_t cut : {1, 2, 7, 23, 59}) {
    Results parts = run(p, false, true, false);
    pack_panels(random_floats(90 * 70, 8).data(), 90, 70, parts.dw.data());
    parts.db = random_floats(90, 6);
    for (std::int64_t m = 0; m < 60; m += cut) {
      LinearShape s = p.shape;
      s.rows = std::min<std::int64_t>(cut, 60 - m);
      const float* x = p.x.data() + m * s.ld_x;
      const float* dy = p.dy.data() + m * s.ld_y;
      linear(s, x, p.w.data(), p.bias.data(), parts.y.data() + m * s.ld_y);
      linear_input_gradient(s, dy, p.w.data(), parts.dx.data() + m * s.ld_x);
      linear_weight_gradient(s, dy, x, parts.dw.data(), parts.db.data());
    }
    EXPECT_EQ(differing(whole.y, parts.y), 0) << "cut at " << cut;
    EXPECT_EQ(differing(whole.dx, parts.dx), 0) << "cut at " << cut;
    EXPECT_EQ(differing(whole.dw, parts.dw), 0) << "cut at " << cut;
    EXPECT_EQ(differing(whole.db, parts.db), 0) << "cut at " << cut;
  }
}

TEST(Linear, PanelsGoThereAndBack) {
  for (std::int64_t out : {1, 15, 16, 17, 50})
    for (std::int64_t in : {1, 3, 40}) {
      const Floats w = random_floats(out * in, 9);
      Floats panels(static_cast<std::size_t>(panel_size(out, in)), 7.0f), back(w.size());
      pack_panels(w.data(), out, in, panels.data());
      unpack_panels(panels.data(), out, in, back.data());
      EXPECT_EQ(differing(w, back), 0);
      for (std::int64_t n = 0; n < panel_count(out) * 16; ++n)
        for (std::int64_t k = 0; k < in; ++k)
          EXPECT_EQ(panels[static_cast<std::size_t>(panel_index(in, n, k))],
                    n < out ? w[static_cast<std::size_t>(n * in + k)] : 0.0f);
    }
}

TEST(Linear, OutputsThatDoNotExistStayZeroBesideInfinities) {
  Problem p(9, 20, 21);
  p.x[25] = std::numeric_limits<float>::infinity();
  p.x[47] = std::nanf("");
  Floats dw(p.w.size());
  linear_weight_gradient(p.shape, p.dy.data(), p.x.data(), dw.data(), nullptr);
  for (std::int64_t n = 21; n < 32; ++n)
    for (std::int64_t k = 0; k < 20; ++k)
      EXPECT_EQ(dw[static_cast<std::size_t>(panel_index(20, n, k))], 0.0f);
  compare(p, true, false);
}

// The gradients of L = sum of dy y, with y in double, by central differences.
TEST(Linear, GradientsAreThoseOfFiniteDifferences) {
  const Problem p(5, 9, 19);
  const auto wide = [](const Floats& v) { return std::vector<double>(v.begin(), v.end()); };
  std::vector<double> x = wide(p.x), w = wide(p.w), b = wide(p.bias);
  const auto loss = [&] {
    std::vector<double> y(p.dy.size());
    reference::linear(p.shape, x.data(), w.data(), b.data(), y.data());
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * static_cast<double>(p.dy[i]);
    return sum;
  };
  const auto difference = [&](double& at) {
    const double h = 1e-4, before = at;
    at = before + h;
    const double up = loss();
    at = before - h;
    const double down = loss();
    at = before;
    return (up - down) / (2 * h);
  };
  Floats dx(p.x.size()), dw(p.w.size()), db(p.bias.size());
  linear_input_gradient(p.shape, p.dy.data(), p.w.data(), dx.data());
  linear_weight_gradient(p.shape, p.dy.data(), p.x.data(), dw.data(), db.data());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::fabs(difference(x[i]) - static_cast<double>(dx[i])));
  for (std::int64_t n = 0; n < 19; ++n)
    for (std::int64_t k = 0; k < 9; ++k) {
      const auto i = static_cast<std::size_t>(panel_index(9, n, k));
      worst = std::max(worst, std::fabs(difference(w[i]) - static_cast<double>(dw[i])));
    }
  for (std::size_t i = 0; i < b.size(); ++i)
    worst = std::max(worst, std::fabs(difference(b[i]) - static_cast<double>(db[i])));
  std::printf("largest difference from finite differences: %.3g\n", worst);
  EXPECT_LT(worst, 1e-5);
}

TEST(Linear, FingerprintIsThatOfEveryBuild) {
  std::uint64_t fingerprint = 0;
  for (std::int64_t rows : {1, 8, 50}) {
    const Results r = run(Problem(rows, 77, 133), false, true, true);
    for (const Floats* v : {&r.y, &r.dx, &r.dw, &r.db})
      for (float x : *v) fingerprint = hone::mix(fingerprint, hone::to_bits(x));
  }
  std::printf("%s: %016llx\n", hone::simd_name, static_cast<unsigned long long>(fingerprint));
  EXPECT_EQ(fingerprint, 0x197dc16777174c7fu);
}

}  // namespace
