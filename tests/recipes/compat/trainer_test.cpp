// What the compat values are given by the trainer: answers that were cut off, and values after the
// end.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "../../support/small_model.hpp"
#include "hone/recipes/compat/deepspeed_chat.hpp"
#include "hone/recipes/compat/options.hpp"
#include "hone/recipes/compat/trl.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;
namespace compat = recipes::compat;

struct Critic {
  Llama decoder = trained_in_full(2);
  model::ScalarHead<model::Parameter> head{32, true};

  Critic() {
    head.randomise(3);
    head.set_trainable(true);
  }
  train::ScalarModel<Llama> model() { return {&decoder, &head}; }
};

// Some answers end, some are cut off.
train::OnlineOptions some_cut() {
  train::OnlineOptions o = options();
  o.generation.max_new_tokens = 6;
  o.generation.stop_tokens = {3, 7, 11, 13, 17, 19};
  return o;
}

// The experience of the first step, with advantages.
template <class A>
auto first_step(const A& algorithm, const train::OnlineOptions& o) {
  Llama actor = trained_in_full(1);
  Critic critic;
  train::OnlineTrainer trainer{actor, critic.model(), small_tokens, algorithm, o};
  train::Report report;
  auto e = trainer.judge(trainer.sample(prompts(8), report), report);
  trainer.penalise(e, report);
  trainer.estimate(e, report);
  const std::vector<std::uint8_t> cut = train::cut_off(e.rollouts);
  const auto cuts = std::count(cut.begin(), cut.end(), 1);
  EXPECT_GT(cuts, 2);
  EXPECT_LT(cuts, static_cast<std::ptrdiff_t>(cut.size()) - 2);
  return e;
}

std::size_t last_row(const rollout::Rollouts& r, std::size_t answer) {
  return static_cast<std::size_t>(r.offsets[answer + 1]) - 1;
}

// With default options a cut is an end, and still no end-of-sequence token.
TEST(CompatTrainer, DeepSpeedChatTrainsTheLastTokenOfACutOffAnswerWherePadIsEos) {
  ASSERT_TRUE(some_cut().truncation_is_end);
  const auto e = first_step(compat::deepspeed_chat::ppo_pad_is_eos(), some_cut());
  auto plain = compat::deepspeed_chat::ppo_pad_is_eos();
  const auto trained = first_step(Algorithm{.advantage = plain.advantage.inner,
                                            .kl = plain.kl,
                                            .loss = plain.loss,
                                            .value_loss = plain.value_loss},
                                  some_cut());
  const std::vector<std::uint8_t> cut = train::cut_off(e.rollouts);
  for (std::size_t s = 0; s < cut.size(); ++s)
    for (auto t = static_cast<std::size_t>(e.rollouts.offsets[s]); t <= last_row(e.rollouts, s);
         ++t)
      EXPECT_EQ(e.advantages[t],
                t == last_row(e.rollouts, s) && !cut[s] ? 0.0f : trained.advantages[t])
          << "answer " << s << ", row " << t << (cut[s] ? ", cut off" : ", ended");
  EXPECT_EQ(e.returns, trained.returns);
}

// The same in numbers: the last token of a cut-off answer sees its reward and nothing after it,
// that of one that ended the value after the end and the score.
template <class A>
void expect_the_score_after_the_end(const A& e, const train::OnlineOptions& o) {
  const std::vector<std::uint8_t> cut = train::cut_off(e.rollouts);
  for (std::size_t s = 0; s < cut.size(); ++s) {
    const std::size_t t = last_row(e.rollouts, s);
    const double after = e.bootstrap[s], score = e.scores[s], reward = e.token_rewards[t];
    const double next = !cut[s]               ? after + 0.95 * (score - after) - score
                        : o.truncation_is_end ? 0.0
                                              : after;
    EXPECT_NEAR(e.advantages[t], reward + next - static_cast<double>(e.values[t]), 1e-5)
        << "answer " << s << (cut[s] ? ", cut off" : ", ended");
  }
}

TEST(CompatTrainer, DeepSpeedChatPutsTheScoreAfterTheEnd) {
  for (const bool is_end : {true, false}) {
    train::OnlineOptions o = some_cut();
    o.truncation_is_end = is_end;
    expect_the_score_after_the_end(first_step(compat::deepspeed_chat::ppo(), o), o);
  }
}

// MeanWithoutEnds, and what it was given.
struct Recording {
  std::vector<loss::Counts>* seen = nullptr;
  float operator()(const loss::Counts& batch, std::int64_t length) const {
    seen->push_back(batch);
    return compat::MeanWithoutEnds{}(batch, length);
  }
};

TEST(CompatTrainer, CountsTheAnswersThatEnded) {
  Llama actor = trained_in_full(1);
  Critic critic;
  std::vector<loss::Counts> seen;
  const auto of = compat::deepspeed_chat::ppo_pad_is_eos();
  const Algorithm algorithm{.advantage = of.advantage,
                            .kl = of.kl,
                            .loss = of.loss,
                            .value_loss = of.value_loss,
                            .aggregation = Recording{&seen}};
  train::OnlineTrainer trainer{actor, critic.model(), small_tokens, algorithm, some_cut()};
  train::Report report;
  auto e = trainer.judge(trainer.sample(prompts(8), report), report);
  trainer.penalise(e, report);
  trainer.estimate(e, report);
  trainer.update(e, report);
  const std::vector<std::uint8_t> cut = train::cut_off(e.rollouts);
  ASSERT_FALSE(seen.empty());
  for (const loss::Counts& counts : seen) {
    EXPECT_EQ(counts.cut_off, std::count(cut.begin(), cut.end(), 1));
    EXPECT_EQ(counts.sequences, static_cast<std::int64_t>(cut.size()));
    EXPECT_EQ(counts.tokens, e.rollouts.rows());
  }
  std::int64_t trained = 0;
  for (std::size_t s = 0; s < cut.size(); ++s)
    trained += e.rollouts.length(static_cast<std::int64_t>(s)) - !cut[s];
  EXPECT_EQ(compat::MeanWithoutEnds{}(seen[0], 1), static_cast<float>(1.0 / double(trained)));
}

// The numbers of the systems are options that a trainer takes.
TEST(CompatTrainer, TakesTheSystemsOptions) {
  for (train::OnlineOptions o :
       {compat::deepspeed_chat::online_options(10), compat::trl::ppo_options(10)}) {
    o.generation.max_new_tokens = 4;
    Llama actor = trained_in_full(1);
    Critic critic;
    train::OnlineTrainer trainer{actor, critic.model(), small_tokens, compat::trl::ppo(), o};
    trainer.step(prompts(2));
    EXPECT_EQ(trainer.state().updates, o.ppo_epochs);
  }
}

}  // namespace
