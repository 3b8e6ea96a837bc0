#include "hone/train/ptx.hpp"

#include <gtest/gtest.h>

#include "../support/small_model.hpp"
#include "hone/loss/nll.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

// Answers that are all as good as each other have no advantage, so what is left is the text's loss.
TEST(Ptx, WithoutAdvantagesPpoWithTextIsSupervisedTraining) {
  const auto indifferent = [](const rollout::Rollouts& r) {
    return std::vector<float>(static_cast<std::size_t>(r.answers()), 1.0f);
  };
  std::vector<std::int64_t> asked;
  const auto text = [&asked](std::int64_t update) {
    asked.push_back(update);
    return batch(update, 5, 0);
  };
  Llama actor = trained_in_full(1), pupil = trained_in_full(1);
  train::OnlineOptions o = options();
  o.minibatches = 2;
  const Algorithm algorithm{.ptx = train::Ptx{.coef = 1.0f, .batch = text}};
  train::OnlineTrainer online{actor, indifferent, algorithm, o};
  train::OfflineTrainer offline{pupil, loss::Nll{}, {.schedule = o.schedule}};
  for (std::int64_t step = 0; step < 3; ++step) {
    const auto report = online.step(prompts(6));
    const double first = offline.step(batch(2 * step, 5, 0)).at("loss");
    const double second = offline.step(batch(2 * step + 1, 5, 0)).at("loss");
    EXPECT_EQ(report.at("loss/ptx"), (first + second) / 2) << "step " << step;
  }
  EXPECT_EQ(weights_of(actor), weights_of(pupil));
  EXPECT_EQ(asked, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
}

TEST(Ptx, TheCoefficientWeighsTheTextAndMicroBatchesChangeNoBit) {
  const auto text = [](std::int64_t update) { return batch(update, 5, 0); };
  const auto run = [&](float coef, std::int64_t microbatch) {
    Llama actor = trained_in_full(1);
    train::OnlineOptions o = options();
    o.microbatch_tokens = microbatch;
    const Algorithm algorithm{.ptx = train::Ptx<decltype(text)>{coef, text}};
    train::OnlineTrainer trainer{actor, small_tokens, algorithm, o};
    trainer.step(prompts(6));
    trainer.step(prompts(6));
    return weights_of(actor);
  };
  EXPECT_EQ(run(2.0f, 8192), run(2.0f, 20));
  EXPECT_NE(run(2.0f, 8192), run(1.0f, 8192));
  Llama plain = trained_in_full(1);
  train::OnlineTrainer trainer{plain, small_tokens, Algorithm{}, options()};
  trainer.step(prompts(6));
  trainer.step(prompts(6));
  EXPECT_EQ(run(0.0f, 8192), weights_of(plain));
}

TEST(Ptx, WithACoefficientOfZeroNoTextIsRead) {
  Llama actor = trained_in_full(1);
  const Algorithm algorithm{.ptx = train::Ptx{.coef = 0.0f, .batch = [](std::int64_t update) {
                                                fail("text ", update, " was read");
                                                return data::Batch{};
                                              }}};
  train::OnlineTrainer trainer{actor, small_tokens, algorithm, options()};
  EXPECT_FALSE(trainer.step(prompts(3)).has("loss/ptx"));
}

TEST(Ptx, ABatchWithoutLossIsRefused) {
  Llama actor = trained_in_full(1);
  const Algorithm algorithm{.ptx = train::Ptx{.coef = 1.0f, .batch = [](std::int64_t) {
                                                data::Batch out = batch(0, 2, 0);
                                                std::fill(out.trained.begin(), out.trained.end(),
                                                          std::uint8_t{0});
                                                return out;
                                              }}};
  train::OnlineTrainer trainer{actor, small_tokens, algorithm, options()};
  EXPECT_THROW(trainer.step(prompts(3)), Error);
}

}  // namespace
