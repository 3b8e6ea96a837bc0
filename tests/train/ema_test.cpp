#include "hone/train/ema.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace hone;

TEST(Ema, FollowsTheWeightsByHand) {
  model::Parameter a({.name = "a", .out = 2}), b({.name = "b", .out = 1});
  const train::ParameterList both{&a, &b};
  const auto set = [&](float first, float second, float third) {
    a.from_file(std::vector{first, second});
    b.from_file(std::vector{third});
  };
  const train::Ema ema{.decay = 0.75f};
  train::Ema::State state;
  using Arrays = std::vector<std::vector<float>>;

  set(1, -2, 8);
  ema(both, state);
  EXPECT_EQ(state.average, (Arrays{{1, -2}, {8}})) << "begins at the weights of the first update";
  set(5, 2, 0);
  ema(both, state);
  EXPECT_EQ(state.average, (Arrays{{2, -1}, {6}})) << "3/4 of the average, 1/4 of the weights";
  set(2, 3, 2);
  ema(both, state);
  EXPECT_EQ(state.average, (Arrays{{2, 0}, {5}}));

  train::Ema::swap(both, state);
  EXPECT_EQ(a.value()[1], 0.0f);
  EXPECT_EQ(b.value()[0], 5.0f);
  EXPECT_EQ(state.average, (Arrays{{2, 3}, {2}}));
  train::Ema::swap(both, state);
  EXPECT_EQ(b.value()[0], 2.0f);
  EXPECT_EQ(state.average, (Arrays{{2, 0}, {5}}));

  EXPECT_THROW(ema({&a}, state), Error);
}

}  // namespace
