#include "hone/train/adamw.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace {

using namespace hone;
using model::Parameter;
using Rows = std::vector<float>;

Parameter matrix_of(const Rows& rows, std::int64_t out, std::int64_t in) {
  Parameter p({.name = "matrix", .out = out, .in = in, .decay = true});
  p.set_trainable(true);
  p.from_file(rows);
  return p;
}

Parameter vector_of(const Rows& rows) {
  Parameter p({.name = "norm", .out = static_cast<std::int64_t>(rows.size())});
  p.set_trainable(true);
  p.from_file(rows);
  return p;
}

Rows rows_of(const Parameter& p) {
  Rows out(static_cast<std::size_t>(p.count()));
  p.to_file(out);
  return out;
}

void set_gradient(Parameter& p, const Rows& rows) { p.from_file(rows, p.gradient()); }

void expect_near(const Rows& found, const Rows& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 5e-7f) << i;
}

// tests/goldens/adamw.py prints the numbers: a matrix that decays, a vector that does not.
TEST(AdamW, FiveStepsAreThoseOfTorch) {
  Rows start, ones;
  for (int i = 0; i < 15; ++i) start.push_back(static_cast<float>(i % 7 - 3) / 8);
  for (int i = 0; i < 4; ++i) ones.push_back(1 + static_cast<float>(i) / 16);
  Parameter matrix = matrix_of(start, 3, 5), norm = vector_of(ones);
  const train::ParameterList both{&matrix, &norm};
  const train::AdamW adamw{.beta2 = 0.95f, .epsilon = 1e-3f, .decay = 0.1f, .max_norm = 0.0f};
  train::AdamW::State state;
  for (int step = 0; step < 5; ++step) {
    const auto gradient = [&](int count, int shift) {
      Rows out;
      for (int i = 0; i < count; ++i)
        out.push_back(static_cast<float>((i * 5 + step * 3 + shift) % 11 - 5) / 16);
      return out;
    };
    set_gradient(matrix, gradient(15, 0));
    set_gradient(norm, gradient(4, 3));
    adamw(both, state, 0.01f * static_cast<float>(step + 1));
  }
  EXPECT_EQ(state.step, 5);
  expect_near(rows_of(matrix),
              {-0.308423746f, -0.226683607f, -0.152302177f, -0.035705893f, 0.096282138f,
               0.260389631f, 0.381948213f, -0.309593928f, -0.316601416f, -0.097356830f,
               -0.032088207f, 0.184118642f, 0.265858781f, 0.340240211f, -0.405112684f});
  expect_near(rows_of(norm), {1.014218992f, 1.075136053f, 1.185167314f, 1.116670159f});
}

// The norm of all gradients together is 13: each is scaled by max_norm / 13, and m = 0.1 g.
TEST(AdamW, GradientsAreScaledDownToTheNormAndNeverUp) {
  const auto moments = [](float max_norm) {
    Parameter matrix = matrix_of({0, 0}, 1, 2), norm = vector_of({0});
    set_gradient(matrix, {3, -4});
    set_gradient(norm, {12});
    const train::AdamW adamw{.max_norm = max_norm};
    train::AdamW::State state;
    EXPECT_DOUBLE_EQ(adamw({&matrix, &norm}, state, 0.1f).gradient_norm, 13.0);
    Rows out(2);
    matrix.to_file(out, state.m[0]);
    out.push_back(state.m[1][0]);
    return out;
  };
  expect_near(moments(2.6f), {0.06f, -0.08f, 0.24f});
  expect_near(moments(13.5f), {0.3f, -0.4f, 1.2f});
  expect_near(moments(0.0f), {0.3f, -0.4f, 1.2f});
}

TEST(AdamW, AGradientThatIsNoNumberChangesNothing) {
  Parameter matrix = matrix_of({1, 2}, 1, 2), norm = vector_of({3});
  set_gradient(matrix, {1, 1});
  set_gradient(norm, {std::numeric_limits<float>::quiet_NaN()});
  train::AdamW::State state;
  try {
    train::AdamW{}({&matrix, &norm}, state, 0.1f);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("gradient of norm: element 0 is"), std::string::npos)
        << e.what();
  }
  EXPECT_EQ(rows_of(matrix), (Rows{1, 2}));
  EXPECT_EQ(rows_of(norm), (Rows{3}));
  EXPECT_EQ(state.step, 0);
}

// Several networks learn in turn: the gradient is gone before the weights move.
TEST(AdamW, InTwoHalvesIsTheSameBits) {
  Parameter whole = matrix_of({1, 2, 3, 4, 5, 6}, 2, 3),
            halves = matrix_of({1, 2, 3, 4, 5, 6}, 2, 3);
  const train::AdamW adamw{.decay = 0.1f, .max_norm = 0.5f};
  train::AdamW::State state, other;
  for (int step = 0; step < 3; ++step) {
    const float s = static_cast<float>(step);
    const Rows gradient{0.1f, -s, 3, 0, 0.3f * s, 1};
    set_gradient(whole, gradient);
    const double norm = adamw({&whole}, state, 0.1f).gradient_norm;

    set_gradient(halves, gradient);
    const Rows before = rows_of(halves);
    EXPECT_EQ(adamw.take_in({&halves}, other), norm);
    EXPECT_EQ(rows_of(halves), before);
    train::zero_gradients({&halves});
    adamw.move({&halves}, other, 0.1f);
    EXPECT_EQ(rows_of(halves), rows_of(whole));
    EXPECT_EQ(other, state);
  }
}

}  // namespace
