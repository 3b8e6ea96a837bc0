// What every objective must satisfy, whatever its formula:
//   - its value is that of an independent reference, in double
//   - its derivatives are finite differences of that reference, in double
//   - in float both are those in double, to float's precision
//   - a lane of a pack is the float version bit for bit
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "hone/core/differentiate.hpp"

namespace hone::test {

class Draw {
 public:
  explicit Draw(unsigned seed) : engine_(seed) {}
  double normal() { return std::normal_distribution<double>()(engine_); }
  double uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine_);
  }
  int whole(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }

  // Numbers that a float holds exactly, so float and double versions see the same inputs.
  TokenInputs<double> token() {
    TokenInputs<double> t;
    t.logprob = -std::fabs(normal()) * 2 - 0.01;
    t.entropy = uniform(0, 4);
    t.full_kl = uniform(0, 1);
    t.old_logprob = t.logprob + 0.3 * normal();
    t.rollout_logprob = t.old_logprob + 0.3 * normal();
    t.ref_logprob = t.logprob + 0.5 * normal();
    t.advantage = normal();
    t.drift = 0.5 * normal();
    t.length = whole(1, 40);
    return rounded(t);
  }
  SequenceInputs<double> sequence() {
    SequenceInputs<double> s;
    s.length = whole(1, 40);
    s.logprob = -s.length * uniform(0.05, 2);
    s.entropy = s.length * uniform(0, 4);
    s.token_sum = s.length * 0.2 * normal();
    s.old_logprob = s.logprob + 0.2 * s.length * normal();
    s.rollout_logprob = s.old_logprob + 0.1 * normal();
    s.ref_logprob = s.logprob + 0.5 * normal();
    s.advantage = normal();
    s.label = whole(0, 1);
    s.baseline = uniform(0, 1);
    return rounded(s);
  }
  PairInputs<double> pair() {
    return rounded(PairInputs<double>{sequence(), sequence(), normal()});
  }
  ScoreInputs<double> scores() {
    return rounded(ScoreInputs<double>{2 * normal(), 2 * normal(), uniform(0, 1)});
  }
  ValueInputs<double> value() {
    ValueInputs<double> v;
    v.value = normal();
    v.old_value = v.value + 0.3 * normal();
    v.ret = normal();
    return rounded(v);
  }

  // g++ 12 at -O2 takes (double)(float)x for x itself where its vectoriser finds two of them side
  // by side (its own pattern for conversions forward and back forgets vectors of floats), here for
  // one reader of the record and not for the other. A volatile float is rounded for both.
  template <class Inputs>
  static Inputs rounded(Inputs in) {
    Inputs::each(
        [](double& x) {
          volatile float narrow = static_cast<float>(x);
          x = narrow;
        },
        in);
    return in;
  }

 private:
  std::mt19937 engine_;
};

template <class T>
T draw(Draw& d) {
  if constexpr (T::level == Level::token) return d.token();
  if constexpr (T::level == Level::sequence) return d.sequence();
  if constexpr (T::level == Level::pair) return d.pair();
  if constexpr (T::level == Level::score) return d.scores();
  if constexpr (T::level == Level::value) return d.value();
}

inline bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// reference(in, held): the loss in double, where `held` are the inputs of what is under a
// stop-gradient: equal to `in` in value, and not moved when a derivative is taken.
template <class F, class Reference>
void check_objective(const F& f, const Reference& reference, int draws = 1600) {
  using In = inputs_of<F, double>;
  Draw random(20240229);
  int corners = 0;
  inputs_of<F, float> batch[16];
  Differentiated<inputs_of<F, float>, float> single[16];

  for (int i = 0; i < draws; ++i) {
    const In in = draw<In>(random);
    const double expected = reference(in, in);
    const auto exact = differentiate(f, in);
    ASSERT_NEAR(exact.value, expected, 1e-11 * (1 + std::fabs(expected))) << "draw " << i;
    ASSERT_EQ(value_at(f, in), exact.value);

    // Central differences at two widths; where they disagree there is a corner in between.
    In moved = in;
    int field = 0;
    In::each(
        [&](double& x, double slope, bool wanted) {
          const double at = x;
          double d[2];
          for (int k = 0; k < 2; ++k) {
            const double h = (k ? 2e-5 : 1e-5) * (1 + std::fabs(at));
            x = at + h;
            const double up = reference(moved, in);
            x = at - h;
            const double down = reference(moved, in);
            x = at;
            d[k] = (up - down) / (2 * h);
          }
          if (std::fabs(d[0] - d[1]) > 1e-4 * (1 + std::fabs(d[0])))
            ++corners;
          else if (wanted)
            EXPECT_NEAR(slope, d[0], 2e-6 * (1 + std::fabs(d[0]))) << "field " << field;
          else
            EXPECT_EQ(slope, 0.0) << "field " << field;
          ++field;
        },
        moved, exact.slope, differentiates<F>);

    const int lane = i % 16;
    In::each([](float& to, double from) { to = static_cast<float>(from); }, batch[lane], in);
    single[lane] = differentiate(f, batch[lane]);
    // Cancellation costs float some digits of inputs of size ~50.
    const double tolerance = 3e-5 * (1 + std::fabs(exact.value));
    EXPECT_NEAR(single[lane].value, exact.value, tolerance) << "float, draw " << i;
    In::each(
        [&](float narrow, double wide) {
          EXPECT_NEAR(narrow, wide, 3e-5 * (1 + std::fabs(wide)) + tolerance)
              << "float derivative, draw " << i;
        },
        single[lane].slope, exact.slope);

    if (lane == 15) {
      inputs_of<F, pack> lanes;
      for (int l = 0; l < 16; ++l)
        In::each(
            [&](pack& to, float from) {
              float all[16];
              to.store(all);
              all[l] = from;
              to = pack::load(all);
            },
            lanes, batch[l]);
      const auto many = differentiate(f, lanes);
      for (int l = 0; l < 16; ++l) {
        EXPECT_TRUE(same_bits(many.value[l], single[l].value))
            << many.value[l] << " in lane " << l << ", alone " << single[l].value;
        In::each(
            [&](const pack& a, float b) {
              EXPECT_TRUE(same_bits(a[l], b)) << a[l] << " in lane " << l << ", alone " << b;
            },
            many.slope, single[l].slope);
      }
    }
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_LT(corners, draws / 20) << "finite differences met a corner too often to mean anything";
}

inline double log_sigmoid_reference(double x) {
  return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x));
}
inline double sigmoid_reference(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace hone::test
