// What a composition does not need does not exist, shown on the trainer itself: models that do not
// compile with a value head, that count their passes, and the members of every record.
#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

#include "../support/small_model.hpp"
#include "../support/watched_models.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/kl/k1.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

using Reward = decltype(&small_tokens);
using Bare = Algorithm<advantage::GroupRelative, kl::None, loss::PpoClip>;
using Penalised = Algorithm<advantage::GroupRelative, kl::InLoss<>, loss::PpoClip>;
using Values = Algorithm<advantage::Gae, kl::None, loss::PpoClip>;
using Greedy = Algorithm<advantage::ReMax, kl::None, loss::PpoClip>;
template <class A>
using Trainer = train::OnlineTrainer<Llama, Reward, A>;
template <class A>
using TrainerWithCritic = train::OnlineTrainer<Llama, Reward, A, train::ScalarModel<Llama>>;

template <class Model>
Model ready(std::uint64_t seed) {
  Model out{small()};
  out.randomise(seed, 0.2f);
  out.train_from_layer(0);
  return out;
}

// tests/compile_fail/online_trainer.cpp shows that this model refuses a composition with values.
TEST(AbsentParts, WithoutACriticNoValueCodeIsInstantiated) {
  Valueless actor = ready<Valueless>(1);
  const Algorithm algorithm{.kl = kl::None{}};
  train::OnlineTrainer trainer{actor, small_tokens, algorithm, options()};
  train::OnlineTrainer of_sequences{actor, small_tokens, Algorithm{.loss = loss::Gspo{}},
                                    options()};
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(trainer.step(prompts(4)).has("loss/value"));
    EXPECT_FALSE(of_sequences.step(prompts(4)).has("update/critic_grad_norm"));
  }
}

// Nothing can be done with this critic, and nothing is.
struct Untouchable {
  Untouchable() = delete;
  Untouchable(const Untouchable&) = delete;
  Untouchable& operator=(const Untouchable&) = delete;
  ~Untouchable() = delete;
};

TEST(AbsentParts, ACriticThatIsNamedAndNotNeededIsNeverMade) {
  Llama actor = trained_in_full(1), other = trained_in_full(1);
  train::OnlineTrainer<Llama, Reward, Bare, Untouchable> trainer{actor, &small_tokens, Bare{},
                                                                 options()};
  Trainer<Bare> plain{other, &small_tokens, Bare{}, options()};
  EXPECT_EQ(trainer.step(prompts(4)).metrics, plain.step(prompts(4)).metrics);
  static_assert(sizeof(trainer) == sizeof(plain));
}

template <class A>
PassCounts passes(const A& algorithm, std::int64_t microbatch_tokens = 8192) {
  Counting::counts = {};
  Counting actor = ready<Counting>(1);
  actor.copy = false;
  train::OnlineOptions o = options();
  o.microbatch_tokens = microbatch_tokens;
  train::OnlineTrainer trainer{actor, small_tokens, algorithm, o};
  for (int i = 0; i < 3; ++i) trainer.step(prompts(4));
  return Counting::counts;
}

TEST(AbsentParts, KlNoneRunsNoReferencePass) {
  const auto none = passes(Algorithm{.kl = kl::None{}});
  EXPECT_EQ(none.models, 1) << "no second model is made";
  EXPECT_EQ(none.copy_passes, 0);
  EXPECT_EQ(none.own_passes, 3) << "the update's; the rollout's log-probabilities are the old ones";

  const auto in_loss = passes(Algorithm{.kl = kl::InLoss{.coef = 0.1f}});
  EXPECT_EQ(in_loss.models, 2);
  EXPECT_EQ(in_loss.copy_passes, 3) << "one a step";
  EXPECT_EQ(in_loss.own_passes, 3);
  const auto in_reward = passes(Algorithm{.kl = kl::InReward{.estimator = kl::K1{}}});
  EXPECT_EQ(in_reward.copy_passes, 3);
  EXPECT_EQ(passes(Algorithm{.kl = kl::InLoss{.coef = 0.1f}}, 1).copy_passes, 12)
      << "one for each of four trees, three times";
}

TEST(AbsentParts, AnActorWithAdaptersRunsOncePerStepWithoutAPenalty) {
  const auto own_passes = [](const auto& algorithm) {
    Counting::counts = {};
    Counting actor = ready<Counting>(1);
    actor.copy = false;
    model::attach(actor, {.rank = 2, .alpha = 4.0f, .seed = 2});
    train::OnlineOptions o = options();
    o.share_trunk = false;
    train::OnlineTrainer trainer{actor, small_tokens, algorithm, o};
    trainer.step(prompts(4));
    EXPECT_EQ(Counting::counts.models, 1) << "it is its own reference";
    return Counting::counts.own_passes;
  };
  EXPECT_EQ(own_passes(Algorithm{.kl = kl::None{}}), 1);
  EXPECT_EQ(own_passes(Algorithm{.kl = kl::InLoss{.coef = 0.1f}}), 2);
}

template <class T>
concept HasValues = requires(T& t) {
  t.values;
}
|| requires(T& t) { t.bootstrap; }
|| requires(T& t) { t.returns; };
template <class T>
concept HasReference = requires(T& t) {
  t.ref_logprobs;
}
|| requires(T& t) { t.distance; };
template <class T>
concept HasGreedy = requires(T& t) {
  t.greedy_scores;
};
template <class T>
concept HasComponents = requires(T& t) {
  t.score_components;
};
template <class T>
concept HasCriticOptimizer = requires(T& t) {
  t.critic_optimizer;
};
template <class T>
concept HasCriticParameters = requires(T& t) {
  t.critic_parameters();
};
template <class T>
concept HasValueMetrics = requires(T& t) {
  t.value_loss;
}
|| requires(T& t) { t.value_norm; };

TEST(AbsentParts, AreNoMembersOfAnyRecord) {
  using train::Experience;
  static_assert(!HasValues<Experience<Bare>> && !HasReference<Experience<Bare>> &&
                !HasGreedy<Experience<Bare>> && !HasComponents<Experience<Bare>>);
  static_assert(HasValues<Experience<Values>> && !HasReference<Experience<Values>>);
  static_assert(!HasValues<Experience<Penalised>> && HasReference<Experience<Penalised>>);
  static_assert(!HasValues<Experience<Greedy>> && HasGreedy<Experience<Greedy>>);
  static_assert(sizeof(Experience<Bare>) + sizeof(train::CriticColumns) ==
                sizeof(Experience<Values>));
  static_assert(sizeof(Experience<Bare>) + sizeof(train::ReferenceColumns) ==
                sizeof(Experience<Penalised>));

  static_assert(!HasCriticOptimizer<Trainer<Bare>::State>);
  static_assert(HasCriticOptimizer<TrainerWithCritic<Values>::State>);
  static_assert(!HasCriticParameters<Trainer<Bare>>);
  static_assert(HasCriticParameters<TrainerWithCritic<Values>>);
  static_assert(!HasValueMetrics<train::UpdateMetrics<Bare>>);
  static_assert(HasValueMetrics<train::UpdateMetrics<Values>>);
  static_assert(sizeof(Trainer<Bare>) + sizeof(train::CriticState) +
                    sizeof(train::CriticSide<train::ScalarModel<Llama>>) <=
                sizeof(TrainerWithCritic<Values>) + sizeof(train::NoCritic) + 8);
  static_assert(sizeof(Trainer<Bare>) < sizeof(Trainer<Penalised>));
}

}  // namespace
