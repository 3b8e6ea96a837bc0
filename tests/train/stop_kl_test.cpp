// Ending an update early: the minibatch that is too far away is reported, and not learnt from.
#include <gtest/gtest.h>

#include "../support/small_model.hpp"
#include "hone/train/minibatches.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

TEST(StopKl, TheRefusedMinibatchCountsAndChangesNoWeight) {
  Llama stopped = trained_in_full(1), once = trained_in_full(1), whole = trained_in_full(1);
  train::OnlineOptions o = options();
  o.ppo_epochs = 2;
  o.minibatches = 2;
  train::OnlineOptions limited = o;
  limited.stop_kl = 1e-6;
  train::OnlineTrainer trainer{stopped, small_tokens, Algorithm{}, limited};
  const auto report = trainer.step(prompts(6));
  EXPECT_EQ(report.at("update/stopped_early"), 1.0);
  EXPECT_EQ(trainer.state().updates, 1) << "the first minibatch is at a KL of 0";
  EXPECT_EQ(trainer.state().optimizer.step, 1);
  EXPECT_GT(2 * report.at("policy/approx_kl"), limited.stop_kl) << "0 and the one that was refused";
  EXPECT_NE(report.at("policy/ratio_mean"), 1.0);

  // The same step, of which only the first minibatch is ever shown.
  train::OnlineTrainer other{once, small_tokens, Algorithm{}, options()};
  train::Report seen;
  auto experience = other.judge(other.sample(prompts(6), seen), seen);
  other.penalise(experience, seen);
  other.estimate(experience, seen);
  other.update(experience.pick(train::minibatches(6, 2, {.seed = o.seed, .stream = 1})[0]), seen);
  EXPECT_EQ(weights_of(stopped), weights_of(once));
  EXPECT_EQ(report.at("update/grad_norm"), seen.at("update/grad_norm"));

  train::OnlineTrainer free{whole, small_tokens, Algorithm{}, o};
  EXPECT_EQ(free.step(prompts(6)).at("update/stopped_early"), 0.0);
  EXPECT_EQ(free.state().updates, 4);
}

}  // namespace
