#include "hone/kernel/activation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "floats.hpp"
#include "hone/core/parallel.hpp"
#include "hone/kernel/reference/activation.hpp"

namespace {

using namespace hone_test;
namespace kernel = hone::kernel;

template <class F>
void check(const F& f, double kink, const char* name) {
  SCOPED_TRACE(name);
  // Derivatives are finite differences in double; float is double to rounding.
  for (double x = -12; x < 12; x += 0.0173) {
    const double step = 1e-5;
    if (std::abs(x - kink) < step) continue;
    const double slope = (f(x + step) - f(x - step)) / (2 * step);
    EXPECT_NEAR(f.derivative(x), slope, 1e-8) << "x = " << x;
    const auto single = static_cast<float>(x);
    EXPECT_NEAR(f(single), f(static_cast<double>(single)), 2e-6) << "x = " << x;
    EXPECT_NEAR(f.derivative(single), f.derivative(static_cast<double>(single)), 2e-6)
        << "x = " << x;
  }
  EXPECT_TRUE(std::isnan(f(std::numeric_limits<float>::quiet_NaN())));

  // Packs are the scalar functor bit for bit, full and at the end, whatever the threads.
  const int before = hone::threads();
  for (const std::int64_t n : {1, 15, 16, 17, 1000, 40001}) {
    hone::set_threads(1 + static_cast<int>(n % 4));
    const Floats x = random_floats(n, 1, 9), dy = random_floats(n, 2, 1),
                 up = random_floats(n, 3, 2);
    Floats y(x.size()), r(x.size()), s(x.size()), t(x.size());
    kernel::activate(f, n, x.data(), y.data());
    kernel::reference::activate(f, n, x.data(), r.data());
    expect_bits(y, r, "activate");
    kernel::activate_backward(f, n, x.data(), dy.data(), y.data());
    kernel::reference::activate_backward(f, n, x.data(), dy.data(), r.data());
    expect_bits(y, r, "activate_backward");
    kernel::gate(f, {.rows = 1, .cols = n}, x.data(), up.data(), y.data());
    kernel::reference::gate(f, n, x.data(), up.data(), r.data());
    expect_bits(y, r, "gate");
    Floats g = x, u = up;
    kernel::gate_backward(f, {.rows = 1, .cols = n}, g.data(), u.data(), dy.data(), g.data(),
                          u.data());
    kernel::reference::gate_backward(f, n, x.data(), up.data(), dy.data(), s.data(), t.data());
    expect_bits(g, s, "dgate");
    expect_bits(u, t, "dup");
  }
  hone::set_threads(before);
}

TEST(Activation, EveryFunctorValueAndDerivative) {
  check(kernel::Relu{}, 0.0, "relu");
  check(kernel::GeluTanh{}, 99.0, "gelu_tanh");
  check(kernel::GeluErf{}, 99.0, "gelu_erf");
  check(kernel::Silu{}, 99.0, "silu");
  check(kernel::SoftCap{3.0f}, 99.0, "softcap");
}

TEST(Activation, GradientsOfGatesAreFiniteDifferencesInDouble) {
  const auto check_gate = [](const auto& f, const char* name) {
    SCOPED_TRACE(name);
    const std::int64_t n = 50;
    auto gate = doubles(random_floats(n, 1, 4)), up = doubles(random_floats(n, 2, 2));
    const auto dy = doubles(random_floats(n, 3));
    std::vector<double> dgate(gate.size()), dup(gate.size());
    kernel::reference::gate_backward(f, n, gate.data(), up.data(), dy.data(), dgate.data(),
                                     dup.data());
    const auto loss = [&] {
      std::vector<double> y(dy.size());
      kernel::reference::gate(f, n, gate.data(), up.data(), y.data());
      return inner(y, dy);
    };
    expect_slopes(gate, dgate, loss, "dgate");
    expect_slopes(up, dup, loss, "dup");
  };
  check_gate(kernel::Relu{}, "relu");
  check_gate(kernel::GeluTanh{}, "gelu_tanh");
  check_gate(kernel::GeluErf{}, "gelu_erf");
  check_gate(kernel::Silu{}, "silu");
}

TEST(Activation, KnownValues) {
  EXPECT_EQ(kernel::Relu{}(-2.0f), 0.0f);
  EXPECT_EQ(kernel::Relu{}.derivative(0.0f), 0.0f);
  EXPECT_NEAR(kernel::GeluErf{}(1.0), 0.84134474606854293, 1e-15);
  EXPECT_NEAR(kernel::GeluTanh{}(1.0), 0.84119199060827676, 1e-15);
  EXPECT_NEAR(kernel::Silu{}(1.0), 0.73105857863000490, 1e-15);
  EXPECT_NEAR(kernel::SoftCap{30.0f}(60.0), 30 * std::tanh(2.0), 1e-14);
}

TEST(Activation, GateReadsTwoHalvesOfOneBuffer) {
  const std::int64_t rows = 50, cols = 37, ld = 80;
  const Floats buffer = random_floats(rows * ld, 1, 3);
  Floats y(static_cast<std::size_t>(rows * 41), -1.0f);
  kernel::gate(kernel::Silu{}, {.rows = rows, .cols = cols, .ld_gate = ld, .ld_y = 41},
               buffer.data(), buffer.data() + 40, y.data());
  for (std::int64_t r = 0; r < rows; ++r) {
    Floats expected(41, -1.0f);
    kernel::reference::gate(kernel::Silu{}, cols, buffer.data() + r * ld,
                            buffer.data() + r * ld + 40, expected.data());
    expect_bits(Floats(y.begin() + r * 41, y.begin() + (r + 1) * 41), expected, "row");
  }
}

}  // namespace
