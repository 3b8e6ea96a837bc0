#include "hone/train/algorithm.hpp"

#include <gtest/gtest.h>

#include "hone/advantage/gae.hpp"
#include "hone/core/differentiate.hpp"
#include "hone/kl/full_vocabulary.hpp"
#include "hone/kl/k3.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/policy_gradient.hpp"
#include "hone/loss/ppo_penalty.hpp"
#include "hone/loss/value_mse.hpp"

namespace hone {
namespace {

TEST(Algorithm, TheFrontPageExample) {
  const auto algorithm = Algorithm{.advantage = advantage::GroupRelative{.scale_by_std = false},
                                   .kl = kl::InLoss{.estimator = kl::K3{}, .coef = 0.04f},
                                   .loss = loss::PpoClip{.clip_high = 0.28f}};
  using A = std::remove_const_t<decltype(algorithm)>;
  static_assert(!needs_critic<A> && needs_reference<A> && needs_groups<A>);
  static_assert(!needs_entropy<A> && needs_old_logprobs<A> && !penalises_reward<A>);
  static_assert(std::is_same_v<decltype(A::value_loss), loss::None>);
  EXPECT_EQ(algorithm.loss.clip_high, 0.28f);
  EXPECT_EQ(algorithm.loss.clip_low, 0.2f);
  EXPECT_FALSE(algorithm.advantage.scale_by_std);
}

TEST(Algorithm, AnyMemberMayBeLeftOut) {
  const auto bare = Algorithm{};
  using Bare = std::remove_const_t<decltype(bare)>;
  static_assert(!needs_critic<Bare> && !needs_reference<Bare>);

  const auto ppo = Algorithm{.advantage = advantage::Gae{.lambda = 0.9f}};
  using Ppo = std::remove_const_t<decltype(ppo)>;
  static_assert(needs_critic<Ppo> && std::is_same_v<decltype(Ppo::value_loss), loss::ValueClip>);

  const auto skipped = Algorithm{.advantage = advantage::Gae{},
                                 .value_loss = loss::ValueMse{},
                                 .aggregation = loss::SequenceMean{}};
  static_assert(std::is_same_v<decltype(skipped.value_loss), loss::ValueMse>);
  static_assert(std::is_same_v<decltype(skipped.loss), loss::PpoClip>);

  const auto spelled = Algorithm<advantage::Gae, kl::None, loss::PolicyGradient>{};
  static_assert(needs_critic<std::remove_const_t<decltype(spelled)>>);
}

TEST(Algorithm, WhatALossReadsIsWhatARunNeeds) {
  const auto once = Algorithm{.loss = loss::PolicyGradient{}};
  static_assert(!needs_old_logprobs<std::remove_const_t<decltype(once)>>);

  const auto entropy =
      Algorithm{.loss = loss::Sum{loss::PpoClip{}, loss::EntropyBonus{.coef = 0.01f}}};
  static_assert(needs_entropy<std::remove_const_t<decltype(entropy)>>);
  static_assert(!needs_reference<std::remove_const_t<decltype(entropy)>>);

  const auto distilled =
      Algorithm{.loss = [](const auto& t) { return -(t.advantage + t.ref_logprob) * t.logprob; }};
  static_assert(needs_reference<std::remove_const_t<decltype(distilled)>>);

  const auto exact = Algorithm{.kl = kl::InLoss{.estimator = kl::FullVocabulary{}}};
  static_assert(needs_full_kl<std::remove_const_t<decltype(exact)>>);
  static_assert(needs_reference<std::remove_const_t<decltype(exact)>>);
}

TEST(Algorithm, TheObjectiveIsTheLossAndThePenaltyInIt) {
  const TokenInputs<double> t{
      .logprob = -1, .old_logprob = -1.25, .ref_logprob = -1.5, .advantage = 2};
  const auto algorithm = Algorithm{.kl = kl::InLoss{.coef = 0.5f}};
  const double expected = value_at(loss::PpoClip{}, t) + value_at(kl::InLoss{.coef = 0.5f}, t);
  EXPECT_DOUBLE_EQ(value_at(actor_objective(algorithm), t), expected);

  const auto rewarded = Algorithm{.kl = kl::InReward{.coef = 0.5f}};
  EXPECT_DOUBLE_EQ(value_at(actor_objective(rewarded), t), value_at(loss::PpoClip{}, t));
}

TEST(Algorithm, ASequenceLossTakesThePenaltyPerToken) {
  const auto algorithm = Algorithm{.kl = kl::InLoss{.coef = 0.5f}, .loss = loss::Gspo{}};
  using Objective = actor_objective_t<std::remove_const_t<decltype(algorithm)>>;
  static_assert(level_of<Objective> == Level::sequence && has_token_stage<Objective>);
  static_assert(std::is_same_v<decltype(algorithm.aggregation), loss::SequenceMean>);
  static_assert(needs_reference<std::remove_const_t<decltype(algorithm)>>);
  const SequenceInputs<double> s{
      .logprob = -10, .token_sum = 3, .old_logprob = -10, .length = 4, .advantage = 2};
  EXPECT_DOUBLE_EQ(value_at(actor_objective(algorithm), s), -2 + 0.75);
}

TEST(Algorithm, SteeredCoefficientsHaveAStateOfTheirOwn) {
  const auto fixed = Algorithm{.kl = kl::InLoss{}};
  static_assert(std::is_same_v<kl_state<std::remove_const_t<decltype(fixed)>>, kl::Fixed>);

  const auto adaptive =
      Algorithm{.advantage = advantage::Gae{},
                .kl = kl::InReward{.coef = kl::Adaptive{.initial = 0.25, .target = 6}}};
  using A = std::remove_const_t<decltype(adaptive)>;
  static_assert(std::is_same_v<kl_state<A>, kl::Adaptive::State>);
  const kl_state<A> state = kl::start(adaptive.kl.coef);
  EXPECT_EQ(adaptive.kl.with(state).coef, 0.25f);

  const auto penalty = Algorithm{.loss = loss::PpoPenalty{.coef = kl::Doubling{.initial = 2}}};
  using P = std::remove_const_t<decltype(penalty)>;
  static_assert(std::is_same_v<loss_state<P>, kl::Doubling::State>);
  EXPECT_EQ(policy_loss(penalty, kl::start(penalty.loss.coef)).coef, 2.0f);
  check_algorithm(penalty);
  check_algorithm(adaptive);
}

TEST(Algorithm, AUsersParts) {
  constexpr auto reinforce = [](const auto& t) { return -t.advantage * t.logprob; };
  constexpr auto k_abs = [](const auto& t) { return abs(t.logprob - t.ref_logprob); };
  constexpr auto centred = [](const advantage::Sample& s) { return s.score - 0.5f; };
  const auto algorithm = Algorithm{
      .advantage = centred, .kl = kl::InLoss{.estimator = k_abs, .coef = 0.1f}, .loss = reinforce};
  using A = std::remove_const_t<decltype(algorithm)>;
  static_assert(needs_reference<A> && !needs_critic<A>);
  check_algorithm(algorithm);
}

}  // namespace
}  // namespace hone
