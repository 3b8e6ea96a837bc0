// Answers of another sampler in the online trainer: its log-probabilities, the actor's own, and the
// weights that a loss makes of the two.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/advantage/monte_carlo.hpp"
#include "hone/kl/k1.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/recipes/compat/trl.hpp"
#include "hone/recipes/compat/verl.hpp"
#include "hone/rollout/engine.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// What a model answers at a step of a run with these options.
rollout::Rollouts answered(Llama& sampler, const train::OnlineOptions& o, std::uint64_t step) {
  std::vector<rollout::Request> requests = prompts(8);
  for (rollout::Request& r : requests) r.samples = o.group_size;
  rollout::GenerateOptions generation = o.generation;
  generation.seed = o.seed;
  generation.step = step;
  rollout::Engine engine{sampler};
  return rollout::collect(requests, engine.generate(requests, generation));
}

// The actor's weights of some other day.
Llama stale() {
  Llama out = trained_in_full(1);
  out.for_each_parameter([](model::Parameter& p) {
    for (float& x : p.value()) x *= 1.2f;
  });
  out.touch();
  return out;
}

TEST(OtherSampler, TheActorsOwnAnswersGiveTheStepThatSamplesItself) {
  Llama one = trained_in_full(1), other = trained_in_full(1);
  const Algorithm algorithm{.kl = kl::InReward{.estimator = kl::K1{}, .coef = 0.1f},
                            .loss = loss::TruncatedImportanceSampling<loss::PpoClip>{}};
  train::OnlineOptions o = options();
  o.ppo_epochs = 2;
  train::OnlineTrainer samples{one, small_tokens, algorithm, o};
  train::OnlineTrainer learns{other, small_tokens, algorithm, o};
  for (std::uint64_t step = 0; step < 3; ++step) {
    const train::Report a = samples.step(prompts(8)), b = learns.learn(answered(other, o, step));
    EXPECT_EQ(b.at("rollout/sampler_kl"), 0.0);
    EXPECT_EQ(a.at("loss/policy"), b.at("loss/policy"));
    EXPECT_EQ(a.at("reward/kl"), b.at("reward/kl"));
    EXPECT_EQ(a.step, b.step);
  }
  EXPECT_TRUE(same(weights_of(one), weights_of(other)));
}

// A trainer that is about to update from answers of the stale model.
template <class Loss>
struct Prepared {
  using A = Algorithm<advantage::MonteCarlo, kl::None, Loss>;
  Llama actor = trained_in_full(1);
  train::OnlineTrainer<Llama, decltype(&small_tokens), A> trainer;
  train::Experience<A> e;

  explicit Prepared(const Loss& loss, train::OnlineOptions o = options())
      : trainer{actor, &small_tokens, A{.loss = loss}, o} {
    Llama sampler = stale();
    train::Report report;
    e = trainer.judge(answered(sampler, o, 0), report);
    trainer.recall(e, report);
    trainer.penalise(e, report);
    trainer.estimate(e, report);
    EXPECT_GT(report.at("rollout/sampler_kl"), 1e-3);
  }
  double loss() {
    train::Report report;
    trainer.update(e, report);
    EXPECT_EQ(report.at("policy/ratio_mean"), 1.0) << "the ratio is to the actor, not the sampler";
    return report.at("loss/policy");
  }
};

struct Cut {
  double loss;
  int kept = 0, cut = 0;
};

// -mean over tokens of weight(log old - log sampler of the token, their sum, the length) A, since
// the ratio is 1; in double. `cut` counts tokens whose weight is not the plain one.
template <class E, class Weight>
Cut over_tokens(const E& e, const Weight& weight) {
  Cut out{0};
  for (std::int64_t s = 0; s < e.rollouts.answers(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    const auto drift = [&](std::int64_t r) {
      const auto row = static_cast<std::size_t>(r);
      return static_cast<double>(e.old_logprobs[row]) -
             static_cast<double>(e.rollouts.logprobs[row]);
    };
    double sum = 0;
    for (auto r = e.rollouts.offsets[i]; r < e.rollouts.offsets[i + 1]; ++r) sum += drift(r);
    for (auto r = e.rollouts.offsets[i]; r < e.rollouts.offsets[i + 1]; ++r) {
      const auto [plain, w] = weight(drift(r), sum, static_cast<double>(e.rollouts.length(s)));
      ++(w == plain ? out.kept : out.cut);
      out.loss -= w * static_cast<double>(e.scores[i]) / static_cast<double>(e.rollouts.rows());
    }
  }
  return out;
}

template <class Loss, class Weight>
void check_tokens(const Loss& loss, const Weight& weight) {
  Prepared p{loss};
  const Cut want = over_tokens(p.e, weight);
  EXPECT_GT(want.kept, 5);
  EXPECT_GT(want.cut, 5);
  EXPECT_NEAR(p.loss(), want.loss, 2e-6);
}

using Pair = std::pair<double, double>;

TEST(OtherSampler, WeightsAreThoseOfTheFormulaInDouble) {
  using loss::PpoClip;
  check_tokens(loss::TruncatedImportanceSampling<PpoClip>{.high = 1.1f},
               [](double d, double, double) {
                 return Pair(std::exp(d), std::min(std::exp(d), static_cast<double>(1.1f)));
               });
  check_tokens(loss::IcePop<PpoClip>{.low = 0.5f, .high = 1.1f}, [](double d, double, double) {
    const double w = std::exp(d);
    return Pair(w, w >= 0.5 && w <= static_cast<double>(1.1f) ? w : 0.0);
  });
  check_tokens(loss::TruncatedImportanceSampling<PpoClip, loss::SequenceMeanRatio>{.high = 1.0f},
               [](double, double sum, double length) {
                 return Pair(std::exp(sum / length), std::min(std::exp(sum / length), 1.0));
               });
  // TRL masks whole answers by the product of their tokens' weights.
  auto masks = recipes::compat::trl::sampler_correction(PpoClip{});
  masks.high = 1.0f;
  check_tokens(masks, [](double, double sum, double) {
    return Pair(std::exp(sum), std::exp(sum) <= 1.0 ? std::exp(sum) : 0.0);
  });
}

TEST(OtherSampler, ASequenceLossIsWeighedByTheWholeAnswer) {
  Prepared p{loss::TruncatedImportanceSampling<loss::Gspo>{.high = 1.0f}};
  double want = 0;
  int cut = 0;
  for (std::int64_t s = 0; s < p.e.rollouts.answers(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    double sum = 0;
    for (auto r = p.e.rollouts.offsets[i]; r < p.e.rollouts.offsets[i + 1]; ++r)
      sum += static_cast<double>(p.e.old_logprobs[static_cast<std::size_t>(r)]) -
             static_cast<double>(p.e.rollouts.logprobs[static_cast<std::size_t>(r)]);
    cut += sum > 0;
    want -= std::min(std::exp(sum), 1.0) * static_cast<double>(p.e.scores[i]) /
            static_cast<double>(p.e.rollouts.answers());
  }
  EXPECT_GT(cut, 1);
  EXPECT_NEAR(p.loss(), want, 2e-6);
}

// The update is what a loop of one's own makes of the same verbs, bit for bit.
TEST(OtherSampler, TheUpdateIsThatOfALoopOfOnesOwn) {
  const auto correction = recipes::compat::verl::sampler_correction(loss::PpoClip{});
  Prepared p{correction};
  Llama own = trained_in_full(1);
  const rollout::Rollouts& r = p.e.rollouts;
  const train::HeadRows rows = train::answer_rows(r);
  const train::PassSettings settings{.temperature = 0.8f};
  const std::vector<float> old = train::score(own, r.forest, rows, settings).logprobs;
  EXPECT_TRUE(same(old, p.e.old_logprobs));
  TokenInputs<loss::Column> columns;
  columns.old_logprob = old;
  columns.rollout_logprob = r.logprobs;
  columns.advantage = p.e.advantages;
  const std::vector<float> weights(old.size(),
                                   static_cast<float>(1.0 / static_cast<double>(old.size())));
  const double loss =
      train::token_pass(own, r.forest, rows, correction, columns, weights, settings).value();
  EXPECT_EQ(p.loss(), loss);
  const train::ParameterList parameters = train::trainable_parameters(own);
  train::AdamW::State state;
  const train::AdamW& optimizer = p.trainer.options().optimizer;
  EXPECT_GT(optimizer(parameters, state, p.trainer.options().schedule(0)).gradient_norm, 0.0);
  EXPECT_EQ(p.trainer.state().optimizer, state);
  EXPECT_TRUE(same(weights_of(p.actor), weights_of(own)));
}

TEST(OtherSampler, TheReferenceIsComparedWithTheActorAndNotWithTheSampler) {
  Llama actor = trained_in_full(1), sampler = stale();
  const Algorithm algorithm{.kl = kl::InReward{.estimator = kl::K1{}, .coef = 0.1f}};
  train::OnlineTrainer trainer{actor, small_tokens, algorithm, options()};
  const train::Report report = trainer.learn(answered(sampler, options(), 0));
  EXPECT_EQ(report.at("reward/kl"), 0.0) << "the reference is the actor as the run began";
  EXPECT_GT(report.at("rollout/sampler_kl"), 1e-3);
}

TEST(OtherSampler, MicroBatchesChangeNoBit) {
  const auto trained = [](std::int64_t tokens) {
    Llama actor = trained_in_full(1), sampler = stale();
    const Algorithm algorithm{
        .loss = loss::TruncatedImportanceSampling<loss::PpoClip, loss::PerSequence>{}};
    train::OnlineOptions o = options();
    o.microbatch_tokens = tokens;
    o.ppo_epochs = 2;
    o.minibatches = 2;
    train::OnlineTrainer trainer{actor, small_tokens, algorithm, o};
    for (std::uint64_t step = 0; step < 2; ++step) trainer.learn(answered(sampler, o, step));
    return weights_of(actor);
  };
  EXPECT_TRUE(same(trained(8192), trained(30)));
}

}  // namespace
