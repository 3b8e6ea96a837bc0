// What an online run optimises: an advantage, a KL penalty, a policy loss, a value loss, how the
// losses of tokens become one number, and text to remember.
//
//   auto algorithm = hone::Algorithm{
//       .advantage = hone::advantage::GroupRelative{.scale_by_std = false},
//       .kl        = hone::kl::InLoss{.estimator = hone::kl::K3{}, .coef = 0.04f},
//       .loss      = hone::loss::PpoClip{.clip_high = 0.28f}};
//
// Any member may be left out; the order is that of the declaration. What the composition needs is
// part of its type: needs_critic, needs_reference and their kin below. What cannot work does not
// compile, and the first error says what to write instead.
#pragma once

#include <cstdint>
#include <type_traits>

#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/policy.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/reads.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/kl/none.hpp"
#include "hone/loss/aggregation.hpp"
#include "hone/loss/none.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sum.hpp"
#include "hone/loss/token_term.hpp"
#include "hone/loss/value_clip.hpp"
#include "hone/train/ptx.hpp"

namespace hone {
inline namespace v0 {
namespace detail {

template <class K>
struct placement {
  static constexpr bool none = false, in_loss = false, in_reward = false;
  using state = kl::Fixed;
};
template <>
struct placement<kl::None> {
  static constexpr bool none = true, in_loss = false, in_reward = false;
  using state = kl::Fixed;
};
template <class E, class C>
struct placement<kl::InLoss<E, C>> {
  static constexpr bool none = false, in_loss = true, in_reward = false;
  using estimator = E;
  using coefficient = C;
  using state = kl::coefficient_state<C>;
};
template <class E, class C>
struct placement<kl::InReward<E, C>> {
  static constexpr bool none = false, in_loss = false, in_reward = true;
  using estimator = E;
  using coefficient = C;
  using state = kl::coefficient_state<C>;
};

template <class K>
constexpr bool is_placement =
    placement<K>::none || placement<K>::in_loss || placement<K>::in_reward;

// The estimator can be called, or there is nothing to ask (another assertion speaks).
template <class K>
constexpr bool estimator_is_callable() {
  if constexpr (requires { typename placement<K>::estimator; })
    return objective<typename placement<K>::estimator, Level::token>;
  else
    return true;
}
template <class K>
constexpr bool estimator_suits_a_reward() {
  if constexpr (placement<K>::in_reward && estimator_is_callable<K>()) {
    constexpr auto read = reads<typename placement<K>::estimator, Level::token>;
    return !read.full_kl && !read.entropy;
  } else {
    return true;
  }
}
// A policy loss whose own coefficient is steered (PpoPenalty with a controller) is evaluated with
// the number of the moment.
template <class L>
concept steered_loss = requires {
  requires kl::Controller<decltype(L::coef)>;
};

template <class L>
struct loss_now {
  using type = L;
  using state = kl::Fixed;
};
template <steered_loss L>
struct loss_now<L> {
  using type = decltype(std::declval<const L&>().with(0.0f));
  using state = kl::coefficient_state<decltype(L::coef)>;
};

template <class L>
constexpr bool has_online_level = level_of<L> == Level::token || level_of<L> == Level::sequence;

template <class L>
constexpr bool loss_is_callable() {
  if constexpr (has_online_level<L>)
    return objective<typename loss_now<L>::type>;
  else
    return true;
}
template <class L>
constexpr bool loss_moves_the_policy() {
  if constexpr (has_online_level<L> && loss_is_callable<L>()) {
    using Now = typename loss_now<L>::type;
    if constexpr (level_of<Now> == Level::sequence)
      return differentiates<Now>.logprob || differentiates<Now>.token_sum;
    else
      return differentiates<Now>.logprob;
  } else {
    return true;
  }
}
template <class L>
constexpr bool loss_reads_the_advantage() {
  if constexpr (has_online_level<L> && loss_is_callable<L>())
    return token_columns<typename loss_now<L>::type>.advantage;
  else
    return true;
}

template <class A>
constexpr bool reads_values() {
  if constexpr (advantage::Policy<A>)
    return advantage::needs_values_v<A>;
  else
    return false;
}

template <class V>
constexpr bool is_value_loss() {
  if constexpr (std::is_same_v<V, loss::None>)
    return true;
  else if constexpr (level_of<V> == Level::value)
    return objective<V>;
  else
    return false;
}

template <class A>
constexpr bool is_aggregation =
    std::is_invocable_r_v<float, const A&, const loss::Counts&, std::int64_t>;

// Losses of whole sequences weigh sequences.
template <class Loss, class A>
constexpr bool aggregation_suits_the_loss =
    level_of<Loss> != Level::sequence || !is_aggregation<A> || loss::WeighsSequences<A>;

template <class P>
constexpr bool is_ptx = std::is_same_v<P, loss::None> || train::PtxSource<P>;

template <class A>
using value_loss_for = std::conditional_t<reads_values<A>(), loss::ValueClip, loss::None>;

template <class Loss>
using aggregation_for =
    std::conditional_t<level_of<Loss> == Level::sequence, loss::SequenceMean, loss::TokenMean>;

}  // namespace detail

template <class Advantage = advantage::GroupRelative, class Kl = kl::None,
          class Loss = loss::PpoClip, class ValueLoss = detail::value_loss_for<Advantage>,
          class Aggregation = detail::aggregation_for<Loss>, class Ptx = loss::None>
struct Algorithm {
  static_assert(advantage::Policy<Advantage>,
                "hone: Algorithm's .advantage cannot be called as an advantage: write `float "
                "operator()(const advantage::Sample& s) const` for one number per answer, or "
                "`template <class T> T operator()(const advantage::StepInputs<T>& t) const` for a "
                "recursion from the end");
  static_assert(detail::is_placement<Kl>,
                "hone: Algorithm's .kl says where an estimator acts: write .kl = "
                "kl::InLoss{.estimator = kl::K3{}, .coef = 0.04f}, or kl::InReward{...}, or "
                "kl::None{}, instead of the estimator alone");
  static_assert(detail::estimator_is_callable<Kl>(),
                "hone: the estimator of .kl cannot be called with a token: write `template <class "
                "T> constexpr T operator()(const TokenInputs<T>& t) const`, or a lambda such as "
                "[](const auto& t) { return t.logprob - t.ref_logprob; }");
  static_assert(
      detail::estimator_suits_a_reward<Kl>(),
      "hone: an estimator over the whole vocabulary is a term of the loss, since a reward "
      "is known before the update: write kl::InLoss instead of kl::InReward");
  static_assert(detail::has_online_level<Loss>,
                "hone: Algorithm's .loss compares given answers: write OfflineTrainer{model, "
                "loss::Dpo{}} for losses of pairs and scores, and choose loss::PpoClip, loss::Gspo "
                "or another loss of tokens or sequences here");
  static_assert(detail::loss_is_callable<Loss>(),
                "hone: Algorithm's .loss cannot be called with the record of its level: write "
                "`template <class T> constexpr T operator()(const TokenInputs<T>& t) const`, or a "
                "lambda such as [](const auto& t) { return -t.advantage * t.logprob; }");
  static_assert(token_sum_is_filled<typename detail::loss_now<Loss>::type>,
                "hone: Algorithm's .loss reads token_sum and has no token stage to sum: write a "
                "member `template <class T> T token(const TokenInputs<T>& t) const`, and in a "
                "wrapper one that returns the wrapped loss's token(t)");
  static_assert(detail::loss_moves_the_policy<Loss>(),
                "hone: Algorithm's .loss has no gradient by t.logprob, so nothing would be learnt: "
                "use t.logprob outside of stop_gradient");
  static_assert(detail::loss_reads_the_advantage<Loss>(),
                "hone: Algorithm's .loss reads no advantage, so no reward would reach the policy: "
                "use t.advantage, or write OfflineTrainer{model, loss::Nll{}} to learn from given "
                "answers");
  static_assert(!detail::reads_values<Advantage>() || !std::is_same_v<ValueLoss, loss::None>,
                "hone: Algorithm's .advantage reads values, so a critic is trained and needs a "
                "loss: write .value_loss = loss::ValueClip{} or loss::ValueMse{}");
  static_assert(detail::reads_values<Advantage>() || std::is_same_v<ValueLoss, loss::None>,
                "hone: Algorithm's .advantage reads no values, so there is no critic to train: "
                "leave .value_loss out, or write .advantage = advantage::Gae{}");
  static_assert(!advantage::needs_score_components_v<Advantage> ||
                    !detail::placement<Kl>::in_reward,
                "hone: Algorithm's .advantage reads the parts of a reward, and a KL penalty in the "
                "reward is none of them: write .kl = kl::InLoss{...} instead of kl::InReward{...}");
  static_assert(detail::is_value_loss<ValueLoss>(),
                "hone: Algorithm's .value_loss is not a loss of values: write a struct with "
                "`static constexpr auto level = Level::value;` that is called with a "
                "ValueInputs<T>, or .value_loss = loss::ValueMse{}");
  static_assert(detail::is_aggregation<Aggregation>,
                "hone: Algorithm's .aggregation cannot be called as one: write .aggregation = "
                "loss::TokenMean{}, loss::SequenceMean{} or loss::FixedLength{}, or a lambda "
                "[](const loss::Counts& batch, std::int64_t length) -> float");
  static_assert(detail::aggregation_suits_the_loss<Loss, Aggregation>,
                "hone: Algorithm's .loss is of whole sequences and its .aggregation weighs tokens: "
                "leave .aggregation out or write .aggregation = loss::SequenceMean{}, or give "
                "yours a member `float sequence(const loss::Counts& batch) const`");
  static_assert(detail::is_ptx<Ptx>,
                "hone: Algorithm's .ptx has no text to give: write .ptx = train::Ptx{.coef = "
                "27.8f, .batch = [&](std::int64_t update) { return loader.batch(update); }}");

  Advantage advantage{};
  Kl kl{};
  Loss loss{};
  ValueLoss value_loss{};
  Aggregation aggregation{};
  Ptx ptx{};

  bool operator==(const Algorithm&) const = default;
};

// The state of a steered KL coefficient (of the policy loss's own coefficient); kl::Fixed for
// numbers. The trainer owns it and saves it.
template <class A>
using kl_state = typename detail::placement<decltype(A::kl)>::state;
template <class A>
using loss_state = typename detail::loss_now<decltype(A::loss)>::state;

// The policy loss with the coefficient of the moment.
template <class A>
constexpr auto policy_loss(const A& algorithm, const loss_state<A>& state = {}) {
  if constexpr (detail::steered_loss<decltype(A::loss)>)
    return algorithm.loss.with(kl::coefficient(algorithm.loss.coef, state));
  else
    return algorithm.loss;
}

// What the actor's pass minimises: the policy loss, and the KL term if it acts in the loss.
template <class A>
constexpr auto actor_objective(const A& algorithm, const kl_state<A>& kl = {},
                               const loss_state<A>& state = {}) {
  using Loss = decltype(policy_loss(algorithm, state));
  if constexpr (!detail::placement<decltype(A::kl)>::in_loss) {
    return policy_loss(algorithm, state);
  } else {
    using Term = decltype(algorithm.kl.with(kl));
    if constexpr (level_of<Loss> == Level::sequence)
      return loss::WithTokenTerm<Loss, Term>{policy_loss(algorithm, state), algorithm.kl.with(kl)};
    else
      return loss::Sum<Loss, Term>{policy_loss(algorithm, state), algorithm.kl.with(kl)};
  }
}

template <class A>
using actor_objective_t = decltype(actor_objective(std::declval<const A&>()));

// A critic is built, trained and run.
template <class A>
inline constexpr bool needs_critic = detail::reads_values<decltype(A::advantage)>();

// The KL penalty is part of the token rewards.
template <class A>
inline constexpr bool penalises_reward = detail::placement<decltype(A::kl)>::in_reward;

// The actor's objective takes the exact KL of every row: the reference's head runs beside it.
template <class A>
inline constexpr bool needs_full_kl = token_columns<actor_objective_t<A>>.full_kl;

// A reference model is kept, and a pass of it runs over every batch.
template <class A>
inline constexpr bool needs_reference =
    penalises_reward<A> || token_columns<actor_objective_t<A>>.ref_logprob || needs_full_kl<A>;

// The objective compares with the policy at the start of the update. On the first pass over a batch
// it equals the current one.
template <class A>
inline constexpr bool needs_old_logprobs = token_columns<actor_objective_t<A>>.old_logprob;

// Every optimiser step learns from pretraining text as well.
template <class A>
inline constexpr bool needs_ptx = !std::is_same_v<decltype(A::ptx), loss::None>;

// The policy loss has a coefficient of its own that answers to the KL of each update.
template <class A>
inline constexpr bool steers_loss = detail::steered_loss<decltype(A::loss)>;

// The entropy of every row is computed with the head.
template <class A>
inline constexpr bool needs_entropy = token_columns<actor_objective_t<A>>.entropy;

// Several answers to each prompt are compared; one greedy answer per prompt is generated.
template <class A>
inline constexpr bool needs_groups = advantage::needs_groups_v<decltype(A::advantage)>;
template <class A>
inline constexpr bool needs_greedy_baseline =
    advantage::needs_greedy_baseline_v<decltype(A::advantage)>;

// The reward says what its scores are made of.
template <class A>
inline constexpr bool needs_score_components =
    advantage::needs_score_components_v<decltype(A::advantage)>;

// Throws if coefficients switch on what the types were not seen to read. Called before training.
template <class A>
void check_algorithm(const A& algorithm) {
  kl_state<A> penalty{};
  if constexpr (!detail::placement<decltype(A::kl)>::none) penalty = kl::start(algorithm.kl.coef);
  loss_state<A> loss{};
  if constexpr (steers_loss<A>) loss = kl::start(algorithm.loss.coef);
  check_reads(actor_objective(algorithm, penalty, loss));
}

}  // namespace v0
}  // namespace hone
