// The policy loss's own coefficient: owned, steered and kept by the trainer.
#include <gtest/gtest.h>

#include "../support/small_model.hpp"
#include "hone/loss/ppo_penalty.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

TEST(SteeredLoss, TheCoefficientAnswersToTheKlThatTheUpdateHasLeft) {
  Llama actor = trained_in_full(1);
  const kl::Doubling rule{.initial = 0.5, .target = 0.02};
  const Algorithm algorithm{.loss = loss::PpoPenalty<kl::Doubling>{rule}};
  train::OnlineTrainer trainer{actor, small_tokens, algorithm, options()};
  EXPECT_EQ(trainer.state().loss.coef, 0.5);
  double coef = 0.5;
  bool moved = false;
  for (int step = 0; step < 6; ++step) {
    const auto report = trainer.step(prompts(8));
    EXPECT_EQ(report.at("policy/penalty_coef"), coef);
    const double kl = report.at("policy/kl_after");
    EXPECT_GT(kl, 0.0) << "measured after the update, in which one pass has moved the policy";
    const double want = kl < 0.02 / 1.5 ? coef / 2 : kl > 0.02 * 1.5 ? coef * 2 : coef;
    EXPECT_EQ(trainer.state().loss.coef, want) << "step " << step;
    moved = moved || want != coef;
    coef = want;
  }
  EXPECT_TRUE(moved);
}

// A greater coefficient holds the policy closer to the one that sampled.
TEST(SteeredLoss, TheUpdateIsWeighedByTheCoefficientOfTheMoment) {
  const auto kl_after = [](double coef) {
    Llama actor = trained_in_full(1);
    const Algorithm algorithm{.loss =
                                  loss::PpoPenalty<kl::Doubling>{kl::Doubling{.initial = coef}}};
    train::OnlineOptions o = options();
    o.ppo_epochs = 8;
    train::OnlineTrainer trainer{actor, small_tokens, algorithm, o};
    return trainer.step(prompts(8)).at("policy/kl_after");
  };
  EXPECT_LT(kl_after(100.0), 0.7 * kl_after(0.0));
}

}  // namespace
