// The implicit rewards that an OfflineTrainer reports are those of the objective: on one pair, the
// loss follows from them.
#include <gtest/gtest.h>

#include <cmath>

#include "../support/small_model.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/hinge_dpo.hpp"
#include "hone/loss/ipo.hpp"
#include "hone/loss/orpo.hpp"
#include "hone/loss/simpo.hpp"
#include "hone/train/offline_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

double minus_log_sigmoid(double x) { return std::log1p(std::exp(-x)); }

// After a step, so that the model is no longer its reference.
template <class Objective>
train::Report report_of(const Objective& objective) {
  Llama model = trained_in_full(1);
  train::OfflineTrainer trainer{
      model, objective, {.schedule = {.peak = 3e-3f, .decay = train::Decay::constant}}};
  trainer.step(batch(1, 1, 2));
  const auto learnt = trainer.evaluate(batch(0, 1, 2)), same = trainer.step(batch(0, 1, 2));
  EXPECT_EQ(learnt.at("pairs"), 1.0);
  EXPECT_NEAR(learnt.at("rewards/margin"),
              learnt.at("rewards/chosen") - learnt.at("rewards/rejected"), 1e-9);
  for (const char* name : {"rewards/chosen", "rewards/rejected", "rewards/margin"})
    EXPECT_EQ(same.at(name), learnt.at(name)) << name;
  EXPECT_NE(learnt.at("rewards/margin"), 0.0);
  return learnt;
}

TEST(PairRewards, OfLogRatiosCarryBeta) {
  const auto dpo = report_of(loss::Dpo{.beta = 0.3f});
  EXPECT_NEAR(dpo.at("loss"), minus_log_sigmoid(dpo.at("rewards/margin")), 1e-6);
  const auto hinge = report_of(loss::HingeDpo{.beta = 0.01f});
  EXPECT_NEAR(hinge.at("loss"), 1 - hinge.at("rewards/margin"), 1e-6);
}

TEST(PairRewards, OfTokenMeansAreTokenMeans) {
  const auto simpo = report_of(loss::SimPo{.beta = 2.0f, .gamma = 0.5f});
  EXPECT_NEAR(simpo.at("loss"), minus_log_sigmoid(simpo.at("rewards/margin") - 0.5), 1e-5);
  for (const bool token_mean : {true, false}) {
    const auto ipo = report_of(loss::Ipo{.beta = 0.5f, .token_mean = token_mean});
    EXPECT_NEAR(ipo.at("loss"), std::pow(ipo.at("rewards/margin") / 0.5 - 1.0, 2), 1e-5);
  }
  const auto orpo = report_of(loss::Orpo{.lambda = 0.5f});
  const double chosen = orpo.at("rewards/chosen") / 0.5,
               rejected = orpo.at("rewards/rejected") / 0.5;
  const auto log_odds = [](double mean) { return mean - std::log(-std::expm1(mean)); };
  EXPECT_NEAR(orpo.at("loss"),
              -chosen + 0.5 * minus_log_sigmoid(log_odds(chosen) - log_odds(rejected)), 1e-5);
}

// One's own: with `beta` as in DPO, without it the shift itself.
struct WithBeta {
  static constexpr Level level = Level::pair;
  float beta = 0.25f;
  template <class T>
  constexpr T operator()(const PairInputs<T>& p) const {
    return -beta * loss::preference_shift(p);
  }
};
struct WithoutBeta {
  static constexpr Level level = Level::pair;
  template <class T>
  constexpr T operator()(const PairInputs<T>& p) const {
    return -loss::preference_shift(p);
  }
};

TEST(PairRewards, OfAnObjectiveOfOnesOwn) {
  const auto with = report_of(WithBeta{}), without = report_of(WithoutBeta{});
  EXPECT_NEAR(with.at("loss"), -with.at("rewards/margin"), 1e-5);
  EXPECT_NEAR(without.at("loss"), -without.at("rewards/margin"), 1e-5);
}

}  // namespace
