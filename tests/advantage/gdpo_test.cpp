#include "hone/advantage/gdpo.hpp"

#include <gtest/gtest.h>

#include "run.hpp"

namespace {

using namespace hone_test;
using hone::advantage::Gdpo;

TEST(Gdpo, PartsAreNormalisedBeforeTheyAreAdded) {
  const Batch b = one_group({0, 0, 0, 0});
  // The second part is a thousand times larger and would drown the first in a plain sum.
  const std::vector<float> parts{0, 0, 0, 1000, 1, 0, 1, 1000};
  auto in = b.view();
  in.score_components = parts;
  const Result r = run(Gdpo{.ddof = 0, .epsilon = 0, .whitening_epsilon = 0}, in);
  const double d = std::sqrt(2.0);  // sums -2, 0, 0, 2
  expect_near(r.advantages, {-d, 0, 0, d}, 1e-6, "A");
}

TEST(Gdpo, WeightsAndGroups) {
  Batch b;
  for (const int group : {0, 0, 1, 1}) b.add({{0, 0}, {0, 0}}, group, 0);
  const std::vector<float> parts{1, 0, 2, 0, 5, 3, 5, 9};  // group 1 is equal in the first part
  auto in = b.view();
  in.score_components = parts;
  const Result r =
      run(Gdpo{.weights = {1, 2}, .ddof = 0, .epsilon = 0, .whitening_epsilon = 0}, in);
  const double d = std::sqrt(10.0 / 4);  // sums -1, 1, -2, 2
  expect_near(r.advantages, {-1 / d, -1 / d, 1 / d, 1 / d, -2 / d, -2 / d, 2 / d, 2 / d}, 1e-6,
              "A");
}

TEST(Gdpo, EqualPartsGiveZeroAndWrongSizesAreErrors) {
  const Batch b = one_group({0, 0});
  auto in = b.view();
  const std::vector<float> equal{1, 2, 1, 2}, odd{1, 2, 3};
  in.score_components = equal;
  EXPECT_EQ(run(Gdpo{.epsilon = 0, .whitening_epsilon = 0}, in).advantages,
            (std::vector<float>{0, 0}));
  EXPECT_THROW(run(Gdpo{.weights = {1}}, in), hone::Error);
  in.score_components = odd;
  EXPECT_THROW(run(Gdpo{}, in), hone::Error);
  in.score_components = {};
  EXPECT_THROW(run(Gdpo{}, in), hone::Error);
}

}  // namespace
