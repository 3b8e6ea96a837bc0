// Law 15: a run resumed at any step equals the uninterrupted run: weights, optimiser, averages, KL
// controller, the loss's own coefficient, a reward's state, reports.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/kl/k1.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/ppo_penalty.hpp"
#include "hone/reward/scale.hpp"
#include "hone/train/checkpoints.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;
namespace fs = std::filesystem;

constexpr std::int64_t steps = 5;

// A folder of one's own that goes with the test.
struct Scratch {
  fs::path path = fs::temp_directory_path() / ("hone_resume_" + std::to_string(::getpid()));
  Scratch() { fs::remove_all(path); }
  ~Scratch() { fs::remove_all(path); }
};

// Everything that a run is, as numbers.
struct Trace {
  std::vector<float> numbers;
  std::vector<train::Report> reports;

  void add(const std::vector<std::vector<float>>& arrays) {
    for (const auto& a : arrays) numbers.insert(numbers.end(), a.begin(), a.end());
  }
  void add(const train::AdamW::State& s) {
    numbers.push_back(static_cast<float>(s.step));
    add(s.m);
    add(s.v);
  }
};

void expect_equal(const Trace& a, const Trace& b, const std::string& when) {
  ASSERT_EQ(a.numbers.size(), b.numbers.size()) << when;
  for (std::size_t i = 0; i < a.numbers.size(); ++i)
    ASSERT_EQ(std::bit_cast<std::uint32_t>(a.numbers[i]),
              std::bit_cast<std::uint32_t>(b.numbers[i]))
        << when << ": number " << i << ": " << a.numbers[i] << " and " << b.numbers[i];
  // b holds the reports after it was resumed.
  ASSERT_LE(b.reports.size(), a.reports.size());
  const std::size_t skipped = a.reports.size() - b.reports.size();
  for (std::size_t i = 0; i < b.reports.size(); ++i) {
    EXPECT_EQ(a.reports[skipped + i].step, b.reports[i].step) << when;
    EXPECT_EQ(a.reports[skipped + i].metrics, b.reports[i].metrics) << when;
  }
}

// `run(saved)` makes models and a trainer anew, resumes from `saved` if there is a checkpoint, goes
// on to step `until`, and tells what there is then.
void check(const std::function<Trace(train::Checkpoints&, std::int64_t until)>& run) {
  Scratch scratch;
  train::Checkpoints never{{.folder = scratch.path / "whole"}};
  const Trace whole = run(never, steps);
  ASSERT_EQ(whole.reports.size(), static_cast<std::size_t>(steps));
  for (std::int64_t stop = 0; stop < steps; ++stop) {
    train::Checkpoints saved{{.folder = scratch.path / std::to_string(stop), .every = 1}};
    run(saved, stop);
    expect_equal(whole, run(saved, steps), "resumed at step " + std::to_string(stop));
  }
  // Every step in a process of its own.
  train::Checkpoints saved{{.folder = scratch.path / "each", .every = 1}};
  for (std::int64_t stop = 1; stop < steps; ++stop) run(saved, stop);
  expect_equal(whole, run(saved, steps), "resumed at every step");
}

template <class Trainer, class Step>
void go_on(Trainer& trainer, train::Checkpoints& saved, std::int64_t until, Trace& trace,
           Step&& step) {
  saved.resume(trainer);
  while (trainer.state().step < until) {
    trace.reports.push_back(step(trainer.state().step));
    saved.after_step(trainer);
  }
}

template <class Algorithm>
Trace online(const Algorithm& algorithm, bool adapters, train::Checkpoints& saved,
             std::int64_t until) {
  Llama actor = trained_in_full(1), critic = trained_in_full(2);
  if (adapters) {
    model::attach(actor, {.rank = 4, .alpha = 8.0f, .seed = 3});
    model::attach(critic, {.rank = 4, .alpha = 8.0f, .seed = 4});
  } else {
    critic.train_from_layer(1);
  }
  model::ScalarHead<model::Parameter> head(32, true);
  head.randomise(3);
  head.set_trainable(true);
  train::ScalarModel<Llama> values{&critic, &head};
  train::OnlineOptions o = options();
  o.ppo_epochs = 2;
  o.minibatches = 2;
  o.ema = train::Ema{.decay = 0.9f};
  o.schedule = {.peak = 1e-2f, .decay = train::Decay::cosine, .warmup = 3, .total = 20};
  train::OnlineTrainer trainer{actor, values, small_tokens, algorithm, o};
  Trace out;
  go_on(trainer, saved, until, out,
        [&](std::int64_t step) { return trainer.step(prompts(5, static_cast<int>(5 * step))); });
  const auto& state = trainer.state();
  out.add({weights_of(actor), weights_of(critic)});
  head.for_each_parameter([&](model::Parameter& p) {
    out.add({std::vector<float>(p.value().begin(), p.value().end())});
  });
  out.add(state.optimizer);
  out.add(state.critic_optimizer);
  out.add(state.ema.average);
  out.add({{static_cast<float>(state.updates), static_cast<float>(state.kl.coef)}});
  return out;
}

const auto text = [](std::int64_t update) { return batch(update, 3, 0); };
const auto ppo = Algorithm{
    .advantage = advantage::Gae{},
    .kl = kl::InReward{.estimator = kl::K1{}, .coef = kl::Adaptive{.target = 0.01, .horizon = 100}},
    .ptx = train::Ptx<decltype(text)>{0.5f, text}};

TEST(Resume, PpoWithCriticAdaptiveKlAveragesAndText) {
  check([](auto& saved, auto until) { return online(ppo, false, saved, until); });
}

TEST(Resume, TheSameWithAdapters) {
  check([](auto& saved, auto until) { return online(ppo, true, saved, until); });
}

TEST(Resume, ASteeredLossAndARewardWithAState) {
  check([](train::Checkpoints& saved, std::int64_t until) {
    Llama actor = trained_in_full(1);
    const Algorithm algorithm{
        .loss = loss::PpoPenalty<kl::Doubling>{kl::Doubling{.initial = 0.5, .target = 0.02}}};
    // A running mean that the scores are measured from.
    struct Centred {
      reward::Moments moments;
      reward::Moments& state() { return moments; }
      std::vector<float> operator()(const rollout::Rollouts& r) {
        std::vector<float> scores = small_tokens(r);
        moments.add(scores);
        for (float& s : scores) s -= static_cast<float>(moments.mean);
        return scores;
      }
    };
    Centred reward;
    train::OnlineTrainer trainer{actor, std::ref(reward), algorithm, options()};
    Trace out;
    go_on(trainer, saved, until, out,
          [&](std::int64_t step) { return trainer.step(prompts(5, static_cast<int>(5 * step))); });
    out.add({weights_of(actor)});
    out.add({{static_cast<float>(trainer.state().loss.coef),
              static_cast<float>(reward.moments.mean), static_cast<float>(reward.moments.count)}});
    return out;
  });
}

train::OfflineOptions offline() {
  return {.schedule = {.peak = 1e-2f, .decay = train::Decay::linear, .warmup = 2, .total = 9},
          .ema = train::Ema{.decay = 0.8f}};
}

TEST(Resume, SupervisedTrainingOfSomeLayers) {
  check([](train::Checkpoints& saved, std::int64_t until) {
    Llama model = trained_in_full(1);
    model.train_from_layer(1);
    train::OfflineTrainer trainer{model, loss::Nll{}, offline()};
    Trace out;
    go_on(trainer, saved, until, out,
          [&](std::int64_t step) { return trainer.step(batch(step, 4, 1)); });
    out.add({weights_of(model)});
    out.add(trainer.state().optimizer);
    out.add(trainer.state().ema.average);
    return out;
  });
}

TEST(Resume, RewardModel) {
  check([](train::Checkpoints& saved, std::int64_t until) {
    Llama model = trained_in_full(1);
    model::ScalarHead<model::Parameter> head(32);
    head.randomise(3);
    head.set_trainable(true);
    train::ScalarModel<Llama> scored{&model, &head};
    train::OfflineTrainer trainer{scored, loss::BradleyTerry{}, offline()};
    Trace out;
    go_on(trainer, saved, until, out,
          [&](std::int64_t step) { return trainer.step(batch(step, 3, 3)); });
    out.add({weights_of(model)});
    out.add({std::vector<float>(head.weight.value().begin(), head.weight.value().end())});
    out.add(trainer.state().optimizer);
    return out;
  });
}

TEST(Resume, PreferencesWithAdapters) {
  check([](train::Checkpoints& saved, std::int64_t until) {
    Llama model = trained_in_full(1);
    model::attach(model, {.rank = 2, .seed = 5});
    train::OfflineTrainer trainer{model, loss::Dpo{}, offline()};
    Trace out;
    go_on(trainer, saved, until, out,
          [&](std::int64_t step) { return trainer.step(batch(step, 3, 2)); });
    out.add({weights_of(model)});
    out.add(trainer.state().optimizer);
    out.add(trainer.state().ema.average);
    return out;
  });
}

}  // namespace
