// What an objective is a function of: the numbers of one token, one sequence, one pair.
//
// Each record is a template over its scalar T, and serves wherever its fields are meant:
//   T = dual<V, N>     the argument of a functor; fields that are not differentiated are dual<V, 0>
//   T = float, double  plain values; also the derivative by each field
//   T = std::span      columns of a batch, [T] or [S]; empty where a composition needs none
//   T = bool           a set of fields: which are read, which are differentiated
// `each(visit, records...)` calls visit with the same field of every record, field by field.
#pragma once

#include <limits>

#include "hone/core/config.hpp"
#include "hone/core/dual.hpp"

namespace hone {
inline namespace v0 {

// A bound that binds nothing: the default of a clamp that is off.
inline constexpr float unlimited = std::numeric_limits<float>::infinity();

// Whether every limit of a functor is off; they are then constants to the compiler, and a loop over
// a batch carries no branch for them. A functor with limits says so itself: its member
// `constexpr bool limits_off()` sets those that are off to `unlimited`.
template <class F>
HONE_HD constexpr bool limits_off(F& f) {
  if constexpr (requires { f.limits_off(); })
    return f.limits_off();
  else
    return true;
}

// The switch of a functor for which a loop over a batch exists twice, on and off, so that neither
// tests it; nullptr if it has none. A functor with one has a member
// `constexpr const bool* option() const`.
template <class F>
HONE_HD constexpr const bool* option(const F& f) {
  if constexpr (requires { f.option(); })
    return f.option();
  else
    return nullptr;
}

// Which numbers one evaluation of a functor belongs to. A functor says so with
// `static constexpr auto level = Level::pair;`, one that says nothing is of level token.
enum class Level {
  token,     // TokenInputs: one sampled token
  sequence,  // SequenceInputs: sums over the sampled tokens of one sequence
  pair,      // PairInputs: a chosen and a rejected sequence
  score,     // ScoreInputs: two scores of a reward model
  value,     // ValueInputs: one prediction of a critic
};

// One sampled token a_t after the context c_t.
template <class T>
struct TokenInputs {
  static constexpr Level level = Level::token;

  // Differentiated.
  T logprob{};  // log pi(a_t | c_t)
  T entropy{};  // -sum_v pi(v | c_t) log pi(v | c_t)
  T full_kl{};  // sum_v pi(v | c_t) log(pi(v | c_t) / ref(v | c_t))

  // Constants.
  constant_t<T> old_logprob{};      // log pi at the start of the update phase
  constant_t<T> rollout_logprob{};  // log pi as the sampler reported it
  constant_t<T> ref_logprob{};      // log ref(a_t | c_t)
  constant_t<T> advantage{};        // A_t
  constant_t<T> drift{};            // sum over the sequence of old_logprob - rollout_logprob
  constant_t<T> length{};           // sampled tokens in the sequence

  static constexpr const char* names[] = {"logprob",     "entropy",         "full_kl",
                                          "old_logprob", "rollout_logprob", "ref_logprob",
                                          "advantage",   "drift",           "length"};

  template <class Visit, class... Inputs>
  [[gnu::always_inline]] HONE_HD static constexpr void each(Visit&& visit, Inputs&&... in) {
    visit(in.logprob...);
    visit(in.entropy...);
    visit(in.full_kl...);
    visit(in.old_logprob...);
    visit(in.rollout_logprob...);
    visit(in.ref_logprob...);
    visit(in.advantage...);
    visit(in.drift...);
    visit(in.length...);
  }
};

// One sampled sequence. Sums run over its sampled tokens.
template <class T>
struct SequenceInputs {
  static constexpr Level level = Level::sequence;

  // Differentiated.
  T logprob{};    // sum of log pi
  T entropy{};    // sum of entropies
  T token_sum{};  // sum of what the functor's own member `token(TokenInputs)` returns, if it has
                  // one

  // Constants.
  constant_t<T> old_logprob{};      // sum of log pi at the start of the update phase
  constant_t<T> rollout_logprob{};  // sum of log pi as the sampler reported it
  constant_t<T> ref_logprob{};      // sum of log ref
  constant_t<T> length{};           // sampled tokens; an empty sequence is never evaluated
  constant_t<T> advantage{};        // A of the sequence
  constant_t<T> label{};            // 1 desirable, 0 undesirable (KTO)
  constant_t<T> baseline{};         // the batch's estimate of KL(pi || ref) (KTO's z_0)

  static constexpr const char* names[] = {
      "logprob",     "entropy", "token_sum", "old_logprob", "rollout_logprob",
      "ref_logprob", "length",  "advantage", "label",       "baseline"};

  template <class Visit, class... Inputs>
  [[gnu::always_inline]] HONE_HD static constexpr void each(Visit&& visit, Inputs&&... in) {
    visit(in.logprob...);
    visit(in.entropy...);
    visit(in.token_sum...);
    visit(in.old_logprob...);
    visit(in.rollout_logprob...);
    visit(in.ref_logprob...);
    visit(in.length...);
    visit(in.advantage...);
    visit(in.label...);
    visit(in.baseline...);
  }
};

// Two answers to one prompt, of which the first was preferred.
template <class T>
struct PairInputs {
  static constexpr Level level = Level::pair;

  SequenceInputs<T> chosen{}, rejected{};
  constant_t<T> margin{};  // by how much, where the data says so

  static constexpr const char* names[] = {
      "chosen.logprob",       "chosen.entropy",         "chosen.token_sum",
      "chosen.old_logprob",   "chosen.rollout_logprob", "chosen.ref_logprob",
      "chosen.length",        "chosen.advantage",       "chosen.label",
      "chosen.baseline",      "rejected.logprob",       "rejected.entropy",
      "rejected.token_sum",   "rejected.old_logprob",   "rejected.rollout_logprob",
      "rejected.ref_logprob", "rejected.length",        "rejected.advantage",
      "rejected.label",       "rejected.baseline",      "margin"};

  template <class Visit, class... Inputs>
  [[gnu::always_inline]] HONE_HD static constexpr void each(Visit&& visit, Inputs&&... in) {
    SequenceInputs<T>::each(visit, in.chosen...);
    SequenceInputs<T>::each(visit, in.rejected...);
    visit(in.margin...);
  }
};

// The scores that a reward model gives to two answers, at their ends or at one position of both.
template <class T>
struct ScoreInputs {
  static constexpr Level level = Level::score;

  T chosen{}, rejected{};  // differentiated
  constant_t<T> margin{};  // by how much the first was preferred, where the data says so

  static constexpr const char* names[] = {"chosen", "rejected", "margin"};

  template <class Visit, class... Inputs>
  [[gnu::always_inline]] HONE_HD static constexpr void each(Visit&& visit, Inputs&&... in) {
    visit(in.chosen...);
    visit(in.rejected...);
    visit(in.margin...);
  }
};

// A critic's prediction for the state before one sampled token.
template <class T>
struct ValueInputs {
  static constexpr Level level = Level::value;

  T value{};                  // V(s_t), differentiated
  constant_t<T> old_value{};  // V(s_t) at the start of the update phase
  constant_t<T> ret{};        // the return R_t that V should predict

  static constexpr const char* names[] = {"value", "old_value", "ret"};

  template <class Visit, class... Inputs>
  [[gnu::always_inline]] HONE_HD static constexpr void each(Visit&& visit, Inputs&&... in) {
    visit(in.value...);
    visit(in.old_value...);
    visit(in.ret...);
  }
};

namespace detail {

template <Level>
struct level_inputs;
template <>
struct level_inputs<Level::token> {
  template <class T>
  using type = TokenInputs<T>;
};
template <>
struct level_inputs<Level::sequence> {
  template <class T>
  using type = SequenceInputs<T>;
};
template <>
struct level_inputs<Level::pair> {
  template <class T>
  using type = PairInputs<T>;
};
template <>
struct level_inputs<Level::score> {
  template <class T>
  using type = ScoreInputs<T>;
};
template <>
struct level_inputs<Level::value> {
  template <class T>
  using type = ValueInputs<T>;
};

template <class F>
constexpr Level declared_level() {
  if constexpr (requires { F::level; })
    return F::level;
  else
    return Level::token;
}

}  // namespace detail

template <class F>
inline constexpr Level level_of = detail::declared_level<F>();

// The record of a level, and the one that F is a function of.
template <Level L, class T>
using inputs_at = typename detail::level_inputs<L>::template type<T>;
template <class F, class T>
using inputs_of = inputs_at<level_of<F>, T>;

// A sequence or pair objective may have a token stage, a member `token(const TokenInputs<T>&)`
// whose results are summed over the sequence (SequenceInputs::token_sum).
template <class F>
concept has_token_stage = requires(const F& f, const TokenInputs<dual<float, 1>>& t) {
  f.token(t);
};

// It as a functor of its own.
template <class F>
struct TokenStage {
  F f{};

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    return f.token(t);
  }
};

// Gives a lambda a level other than token:
//   constexpr auto contrast = hone::at_level<Level::pair>([](const auto& p) {
//     return -log_sigmoid(p.chosen.logprob - p.rejected.logprob); });
template <Level L, class F>
struct AtLevel {
  static constexpr Level level = L;
  F f;

  template <class Inputs>
  HONE_HD constexpr auto operator()(const Inputs& in) const {
    return f(in);
  }
};
template <Level L, class F>
constexpr AtLevel<L, F> at_level(F f) {
  return {f};
}

}  // namespace v0
}  // namespace hone
