#include "hone/kernel/norm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "floats.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/reference/norm.hpp"

namespace {

using namespace hone_test;
using hone::kernel::layer_norm;
using hone::kernel::NormShape;
using hone::kernel::rms_norm;
namespace reference = hone::kernel::reference;
using Doubles = std::vector<double>;

struct Layer {
  std::int64_t vectors, dim;
  Floats x, weight, bias, dy, start, start_weight, start_bias;
};

Layer random_layer(std::int64_t vectors, std::int64_t dim) {
  const std::int64_t n = vectors * dim;
  Layer l = {vectors,
             dim,
             random_floats(n, 1),
             random_floats(dim, 2),
             random_floats(dim, 3),
             random_floats(n, 4),
             random_floats(n, 5),
             random_floats(dim, 6),
             random_floats(dim, 7)};
  for (float& x : l.x) x = 3 * x + 0.5f;
  return l;
}

const std::vector<std::pair<std::int64_t, std::int64_t>> sizes = {
    {1, 1}, {3, 15}, {5, 16}, {4, 17}, {100, 64}, {70, 300}, {9, 576}, {700, 65}};

TEST(Norm, RmsNormIsTheReferenceBitForBit) {
  for (const auto& [vectors, dim] : sizes)
    for (const float offset : {0.0f, 1.0f}) {
      const Layer l = random_layer(vectors, dim);
      const NormShape s = {.rows = vectors, .dim = dim, .eps = 1e-6f, .weight_offset = offset};
      const reference::Norm<float> n = {vectors, dim, 1e-6f, offset, l.x.data(), l.weight.data()};
      Floats y(l.x.size()), expected(l.x.size()), inv_rms(static_cast<std::size_t>(vectors));
      rms_norm(s, l.x.data(), l.weight.data(), y.data(), inv_rms.data());
      reference::rms_norm(n, expected.data());
      expect_bits(y, expected, "y");

      Floats dx = l.start, dweight = l.start_weight, dx_r = dx, dweight_r = dweight;
      rms_norm_backward(s, l.x.data(), l.weight.data(), inv_rms.data(), l.dy.data(), dx.data(),
                        dweight.data());
      reference::rms_norm_backward<float>(n, l.dy.data(), {dx_r.data(), dweight_r.data()});
      expect_bits(dx, dx_r, "dx");
      expect_bits(dweight, dweight_r, "dweight");
    }
}

TEST(Norm, LayerNormIsTheReferenceBitForBit) {
  for (const auto& [vectors, dim] : sizes) {
    const Layer l = random_layer(vectors, dim);
    const NormShape s = {.rows = vectors, .dim = dim, .eps = 1e-5f};
    const reference::Norm<float> n = {vectors,         dim,          1e-5f, 0.0f, l.x.data(),
                                      l.weight.data(), l.bias.data()};
    Floats y(l.x.size()), expected(l.x.size()), mean(static_cast<std::size_t>(vectors)), r = mean;
    layer_norm(s, l.x.data(), l.weight.data(), l.bias.data(), y.data(), mean.data(), r.data());
    reference::layer_norm(n, expected.data());
    expect_bits(y, expected, "y");

    Floats dx = l.start, dw = l.start_weight, db = l.start_bias, dx_r = dx, dw_r = dw, db_r = db;
    layer_norm_backward(s, l.x.data(), l.weight.data(), mean.data(), r.data(), l.dy.data(),
                        dx.data(), dw.data(), db.data());
    reference::layer_norm_backward<float>(n, l.dy.data(), {dx_r.data(), dw_r.data(), db_r.data()});
    expect_bits(dx, dx_r, "dx");
    expect_bits(dw, dw_r, "dweight");
    expect_bits(db, db_r, "dbias");
  }
}

// The double reference's gradients against finite differences, and the float kernels against both.
template <class Forward, class Backward>
void check_gradients(const Forward& forward, const Backward& backward, Layer l) {
  Doubles x(l.x.begin(), l.x.end()), w(l.weight.begin(), l.weight.end()),
      b(l.bias.begin(), l.bias.end()), dy(l.dy.begin(), l.dy.end());
  Doubles dx(x.size(), 0), dw(w.size(), 0), db(w.size(), 0), y(x.size());
  const reference::Norm<double> n = {l.vectors, l.dim, 1e-6, 0.5, x.data(), w.data(), b.data()};
  backward(n, dy.data(), reference::NormGradients<double>{dx.data(), dw.data(), db.data()});
  const auto loss = [&] {
    forward(n, y.data());
    double total = 0;
    for (std::size_t i = 0; i < y.size(); ++i) total += y[i] * dy[i];
    return total;
  };
  expect_slopes(x, dx, loss, "dx");
  expect_slopes(w, dw, loss, "dweight");
  if (std::any_of(db.begin(), db.end(), [](double g) { return g != 0; }))
    expect_slopes(b, db, loss, "dbias");
}

TEST(Norm, GradientsAreFiniteDifferencesInDouble) {
  check_gradients([](const auto& n, double* y) { reference::rms_norm(n, y); },
                  [](const auto& n, const double* dy, const auto& g) {
                    reference::rms_norm_backward(n, dy, g);
                  },
                  random_layer(4, 23));
  check_gradients([](const auto& n, double* y) { reference::layer_norm(n, y); },
                  [](const auto& n, const double* dy, const auto& g) {
                    reference::layer_norm_backward(n, dy, g);
                  },
                  random_layer(4, 23));
}

TEST(Norm, FloatIsDoubleToRounding) {
  const Layer l = random_layer(20, 576);
  const Doubles x(l.x.begin(), l.x.end()), w(l.weight.begin(), l.weight.end()),
      b(l.bias.begin(), l.bias.end());
  Floats y(l.x.size());
  Doubles expected(y.size());
  layer_norm({.rows = 20, .dim = 576, .eps = 1e-6f}, l.x.data(), l.weight.data(), l.bias.data(),
             y.data(), nullptr, nullptr);
  reference::layer_norm<double>({20, 576, 1e-6, 0, x.data(), w.data(), b.data()}, expected.data());
  double worst = 0;
  for (std::size_t i = 0; i < y.size(); ++i)
    worst = std::max(worst, std::abs(expected[i] - static_cast<double>(y[i])));
  EXPECT_LT(worst, 1e-6);
}

// Heads inside rows are the vectors of a longer list; in place; any number of threads; a batch in
// parts.
TEST(Norm, HeadsStridesThreadsAndSplitsChangeNoBit) {
  const std::int64_t rows = 37, heads = 3, dim = 40, ld = 131;
  const Floats packed = random_floats(rows * heads * dim, 1), weight = random_floats(dim, 2),
               dy = random_floats(rows * heads * dim, 3);
  const auto spread = [&](const Floats& from) {
    Floats to(static_cast<std::size_t>(rows * ld), 9.0f);
    for (std::int64_t r = 0; r < rows; ++r)
      std::copy_n(from.begin() + r * heads * dim, heads * dim, to.begin() + r * ld);
    return to;
  };
  const NormShape flat = {.rows = rows * heads, .dim = dim};
  Floats y(packed.size()), inv_rms(static_cast<std::size_t>(rows * heads)), dx(y.size(), 0.0f),
      dweight(weight.size(), 0.5f);
  rms_norm(flat, packed.data(), weight.data(), y.data(), inv_rms.data());
  rms_norm_backward(flat, packed.data(), weight.data(), inv_rms.data(), dy.data(), dx.data(),
                    dweight.data());
  const int before = hone::threads();
  for (int threads = 1; threads <= 4; ++threads) {
    hone::set_threads(threads);
    const NormShape s = {.rows = rows, .dim = dim, .groups = heads, .ld_x = ld, .ld_y = ld};
    const Floats x = spread(packed), dy_wide = spread(dy);
    Floats in_place = x, r(inv_rms.size()), dx_wide = spread(Floats(y.size(), 0.0f)),
           dw(weight.size(), 0.5f);
    rms_norm(s, in_place.data(), weight.data(), in_place.data(), r.data());
    expect_bits(in_place, spread(y), "y");
    expect_bits(r, inv_rms, "inv_rms");
    rms_norm_backward(s, x.data(), weight.data(), r.data(), dy_wide.data(), dx_wide.data(),
                      nullptr);
    expect_bits(dx_wide, spread(dx), "dx");
    const std::int64_t cut = 11;  // rows of the first micro-batch
    NormShape part = s;
    part.rows = cut;
    rms_norm_backward(part, x.data(), weight.data(), r.data(), dy_wide.data(), nullptr, dw.data());
    part.rows = rows - cut;
    rms_norm_backward(part, x.data() + cut * ld, weight.data(), r.data() + cut * heads,
                      dy_wide.data() + cut * ld, nullptr, dw.data());
    expect_bits(dw, dweight, "dweight");
  }
  hone::set_threads(before);
}

TEST(Norm, ConstantRowIsDefined) {
  const Floats x(32, 3.0f), one(16, 1.0f), zero(16, 0.0f);
  Floats y(32);
  layer_norm({.rows = 2, .dim = 16}, x.data(), one.data(), zero.data(), y.data(), nullptr, nullptr);
  expect_bits(y, Floats(32, 0.0f), "constant");
  const Floats nothing(16, 0.0f);
  Floats r(16);
  rms_norm({.rows = 1, .dim = 16}, nothing.data(), one.data(), r.data(), nullptr);
  expect_bits(r, nothing, "zero");
}

}  // namespace
