// Parts that a user writes, each in at most five lines, in the same fused path as the library's;
// and what a composition does not need is not in the trainer's type.
#include <gtest/gtest.h>

#include <cstring>
#include <type_traits>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/monte_carlo.hpp"
#include "hone/core/completion.hpp"
#include "hone/kl/absolute.hpp"
#include "hone/loss/policy_gradient.hpp"
#include "hone/model/decoder.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

constexpr auto reinforce = [](const auto& t) { return -t.advantage * t.logprob; };
constexpr auto k_abs = [](const auto& t) { return abs(t.logprob - t.ref_logprob); };
constexpr auto to_go = [](const auto& t) { return t.reward + 1.0f * t.next.advantage; };
constexpr auto brevity = [](const Completion& c) {
  return -0.01f * static_cast<float>(c.tokens.size());
};

struct Reinforce {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return -t.advantage * t.logprob;
  }
};
struct Distance {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return abs(t.logprob - t.ref_logprob);
  }
};
struct ToGo {
  template <class T>
  constexpr T operator()(const advantage::StepInputs<T>& t) const {
    return t.reward + 1.0f * t.next.advantage;
  }
};

struct Brevity {
  std::vector<float> operator()(const rollout::Rollouts& r) const {
    std::vector<float> scores;
    for (std::int64_t s = 0; s < r.answers(); ++s) {
      const auto tokens = r.forest.tokens(r.segments[static_cast<std::size_t>(s)]);
      scores.push_back(brevity(Completion{.tokens = {tokens.begin(), tokens.end()}}));
    }
    return scores;
  }
};

template <class A>
std::vector<float> trained(const A& algorithm) {
  Llama actor = trained_in_full(1);
  train::OnlineTrainer trainer{actor, Brevity{}, algorithm, options()};
  for (int i = 0; i < 3; ++i) trainer.step(prompts(4));
  return weights_of(actor);
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(OwnPolicies, LambdasAndStructsTrainLikeTheLibrarysParts) {
  const auto library =
      trained(Algorithm{.advantage = advantage::MonteCarlo{},
                        .kl = kl::InLoss{.estimator = kl::Absolute{}, .coef = 0.1f},
                        .loss = loss::PolicyGradient{}});
  EXPECT_TRUE(same(trained(Algorithm{.advantage = to_go,
                                     .kl = kl::InLoss{.estimator = k_abs, .coef = 0.1f},
                                     .loss = reinforce}),
                   library));
  EXPECT_TRUE(same(trained(Algorithm{.advantage = ToGo{},
                                     .kl = kl::InLoss{.estimator = Distance{}, .coef = 0.1f},
                                     .loss = Reinforce{}}),
                   library));
  EXPECT_FALSE(same(trained(Algorithm{.advantage = to_go, .loss = reinforce}), library));
}

template <class A>
using Trainer = train::OnlineTrainer<Llama, Brevity, A>;
template <class A>
using TrainerWithCritic = train::OnlineTrainer<Llama, Brevity, A, train::ScalarModel<Llama>>;

TEST(OwnPolicies, WhatACompositionDoesNotNeedIsNotInTheTrainer) {
  // The places of critic and reference are empty types without a member: code that evaluated a
  // value or ran a reference would not compile, and a trainer of each kind has just been compiled.
  static_assert(std::is_empty_v<train::NoCritic> && std::is_empty_v<train::NoReference>);
  static_assert(!objective<loss::None, Level::value>);
  using Bare = Algorithm<advantage::GroupRelative, kl::None, loss::PpoClip>;
  using Penalised = Algorithm<advantage::GroupRelative, kl::InLoss<>, loss::PpoClip>;
  static_assert(!Trainer<Bare>::has_critic && !Trainer<Bare>::has_reference);
  static_assert(!Trainer<Penalised>::has_critic && Trainer<Penalised>::has_reference);
  static_assert(sizeof(Trainer<Bare>) < sizeof(Trainer<Penalised>));
  using WithValues = Algorithm<advantage::Gae, kl::None, loss::PpoClip>;
  static_assert(TrainerWithCritic<WithValues>::has_critic);
  static_assert(sizeof(Trainer<Bare>) < sizeof(TrainerWithCritic<WithValues>));

  Llama actor = trained_in_full(1);
  Trainer<Bare> bare{actor, Brevity{}, Bare{}, {.group_size = 2}};
  const auto report = bare.step(prompts(1));
  EXPECT_FALSE(report.has("reward/kl"));
  EXPECT_FALSE(report.has("loss/value"));
}

}  // namespace
