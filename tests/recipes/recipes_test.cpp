#include "hone/recipes/recipes.hpp"

#include <gtest/gtest.h>

namespace {

using namespace hone;

template <class A>
struct Needs {
  static constexpr bool critic = needs_critic<A>, reference = needs_reference<A>,
                        old = needs_old_logprobs<A>, groups = needs_groups<A>,
                        greedy = needs_greedy_baseline<A>, entropy = needs_entropy<A>;
};

template <class A>
constexpr bool is(const A&, bool critic, bool reference, bool old, bool groups, bool greedy) {
  using N = Needs<A>;
  return N::critic == critic && N::reference == reference && N::old == old && N::groups == groups &&
         N::greedy == greedy && !N::entropy;
}

// What each recipe makes the trainer build: critic, reference, old log-probabilities, groups of
// answers, a greedy answer. All of it is known when a program is compiled.
static_assert(is(recipes::ppo(), true, true, true, false, false));
static_assert(is(recipes::ppo_adaptive(), true, true, true, false, false));
static_assert(is(recipes::ppo_penalty(), true, true, true, false, false));
static_assert(is(recipes::vapo(), true, false, true, false, false));
static_assert(is(recipes::grpo(), false, true, true, true, false));
static_assert(is(recipes::dr_grpo(512), false, false, true, true, false));
static_assert(is(recipes::dapo(), false, false, true, true, false));
static_assert(is(recipes::gspo(), false, false, true, true, false));
static_assert(is(recipes::gmpo(), false, false, true, true, false));
static_assert(is(recipes::cispo(), false, false, true, true, false));
static_assert(is(recipes::sapo(), false, false, true, true, false));
static_assert(is(recipes::dppo(), false, false, true, true, false));
static_assert(is(recipes::rloo(), false, true, true, true, false));
static_assert(is(recipes::reinforce_plus_plus(), false, true, true, false, false));
static_assert(is(recipes::reinforce_plus_plus_baseline(), false, true, true, true, false));
static_assert(is(recipes::remax(), false, true, false, false, true));
static_assert(is(recipes::opo(), false, false, false, true, false));
static_assert(is(recipes::max_rl(), false, false, true, true, false));

// Weights of a reward's parts are no constant, so this one is not known as a value.
using Gdpo = decltype(recipes::gdpo());
static_assert(needs_groups<Gdpo> && needs_score_components<Gdpo> && !needs_reference<Gdpo>);

TEST(Recipes, AreValuesToChange) {
  auto a = recipes::grpo();
  a.loss.clip_high = 0.28f;
  a.kl.coef = 0.001f;
  a.advantage.scale_by_std = false;
  EXPECT_NE(a, recipes::grpo());
  EXPECT_EQ(recipes::grpo(), recipes::grpo());
}

TEST(Recipes, HideNothingFromTheTypes) {
  EXPECT_NO_THROW(check_algorithm(recipes::ppo()));
  EXPECT_NO_THROW(check_algorithm(recipes::ppo_adaptive()));
  EXPECT_NO_THROW(check_algorithm(recipes::vapo()));
  EXPECT_NO_THROW(check_algorithm(recipes::grpo()));
  EXPECT_NO_THROW(check_algorithm(recipes::gspo()));
  EXPECT_NO_THROW(check_algorithm(recipes::rloo()));
  EXPECT_NO_THROW(check_algorithm(recipes::remax()));
  EXPECT_NO_THROW(check_algorithm(recipes::gdpo({1.0f, 0.5f})));
}

TEST(Recipes, OfflineObjectivesHaveTheirLevels) {
  static_assert(level_of<decltype(recipes::sft())> == Level::token);
  static_assert(level_of<decltype(recipes::reward_model())> == Level::score);
  static_assert(level_of<decltype(recipes::kto())> == Level::sequence);
  static_assert(level_of<decltype(recipes::dpo())> == Level::pair);
  // Which of them keep a reference model.
  static_assert(reads<decltype(recipes::dpo())>.chosen.ref_logprob);
  static_assert(reads<decltype(recipes::ipo())>.chosen.ref_logprob);
  static_assert(reads<decltype(recipes::kto())>.ref_logprob);
  static_assert(!reads<decltype(recipes::simpo())>.chosen.ref_logprob);
  static_assert(!reads<decltype(recipes::orpo())>.chosen.ref_logprob);
}

}  // namespace
