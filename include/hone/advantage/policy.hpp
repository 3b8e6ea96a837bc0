// What an advantage policy is, and what can be known of it when a program is compiled.
//
// A policy is a plain aggregate, or a lambda, with one of three const call operators:
//
//   step    a recursion from the end of a sequence: Gae, MonteCarlo, ReMax
//             template <class T> constexpr Step<T> operator()(const StepInputs<T>& t) const;
//           T alone may be returned too: then it is A_t, and the critic's target is A_t + V_t
//   sample  one number for a whole answer, from the scores of its group: GroupRelative, LeaveOneOut
//             float operator()(const Sample& s) const;
//   batch   anything else: Whitened
//             void operator()(const Trajectories& in, Estimate out) const;
//
// A generic lambda is a step policy. What a policy reads beyond token rewards and scores it may say
// with `static constexpr bool` members needs_values, needs_groups, needs_greedy_baseline,
// needs_score_components. Where it says nothing, a step policy is run on traces at compile time,
// which shows what it reads; a sample policy is taken to compare the answers of a group, and a
// batch policy to read nothing more.
#pragma once

#include <bit>
#include <type_traits>

#include "hone/advantage/trajectory.hpp"
#include "hone/core/dual.hpp"
#include "hone/core/reads.hpp"
#include "hone/core/trace.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

enum class Kind { step, sample, batch, none };

namespace detail {

template <class P>
constexpr bool has_one_signature() {
  return requires { &P::operator(); };
}

template <class P>
constexpr Kind kind() {
  if constexpr (!std::is_class_v<P>) {
    return std::is_invocable_r_v<float, const P&, const Sample&> ? Kind::sample : Kind::none;
  } else if constexpr (has_one_signature<P>()) {
    if constexpr (std::is_invocable_r_v<float, const P&, const Sample&>) return Kind::sample;
    if constexpr (std::is_invocable_r_v<void, const P&, const Trajectories&, Estimate>)
      return Kind::batch;
    if constexpr (std::is_invocable_v<const P&, const StepInputs<dual<float, 0>>&>)
      return Kind::step;
    return Kind::none;
  } else {
    return std::is_invocable_v<const P&, const StepInputs<dual<float, 0>>&> ? Kind::step
                                                                            : Kind::none;
  }
}

}  // namespace detail

template <class P>
inline constexpr Kind kind_of = detail::kind<P>();

// A policy may return A_t alone: then R_t = A_t + V_t.
template <class T, class P>
HONE_HD constexpr Step<T> apply_step(const P& policy, const StepInputs<T>& t) {
  const auto result = policy(t);
  if constexpr (std::is_convertible_v<decltype(result), Step<T>>)
    return result;
  else
    return {T(result), T(result) + t.value};
}

namespace detail {

// What the result of a step policy depends on.
struct StepReads {
  bool value = true;
  bool greedy_score = false;
};

template <class P>
constexpr StepReads trace_step(const P& policy) {
  using T = dual<trace, 0>;
  const auto in = [](int i) { return T(trace::input(i)); };
  const auto result = policy(StepInputs<T>{.reward = in(0),
                                           .value = in(1),
                                           .next_value = in(2),
                                           .next = {in(3), in(4)},
                                           .length = in(5),
                                           .greedy_score = in(6)});
  trace out;
  if constexpr (std::is_convertible_v<decltype(result), Step<T>>)
    out = trace::join(result.advantage.value, result.target.value);
  else
    out = T(result).value;
  return {out.depends_on(1) || out.depends_on(2), out.depends_on(6)};
}

template <class P>
constexpr StepReads trace_step_type() {
  if constexpr (std::is_default_constructible_v<P>)
    return trace_step(P{});
  else
    return trace_step(std::bit_cast<P>(hone::detail::Zeros<P>{}));
}

template <class P>
concept traceable_step = requires {
  typename std::integral_constant<bool, (trace_step_type<P>(), true)>;
};

template <class P>
constexpr StepReads step_reads() {
  if constexpr (kind_of<P> != Kind::step)
    return {.value = false};
  else if constexpr (traceable_step<P>)
    return trace_step_type<P>();
  else
    return {};
}

}  // namespace detail

// The policy reads V: a critic is built, trained and run.
template <class P>
inline constexpr bool needs_values_v = [] {
  if constexpr (requires { P::needs_values; })
    return static_cast<bool>(P::needs_values);
  else
    return detail::step_reads<P>().value;
}();

// The policy compares answers to the same prompt: several are sampled.
template <class P>
inline constexpr bool needs_groups_v = [] {
  if constexpr (requires { P::needs_groups; })
    return static_cast<bool>(P::needs_groups);
  else
    return kind_of<P> == Kind::sample;
}();

// The policy needs the score of the greedy answer: one more answer per prompt is generated.
template <class P>
inline constexpr bool needs_greedy_baseline_v = [] {
  if constexpr (requires { P::needs_greedy_baseline; })
    return static_cast<bool>(P::needs_greedy_baseline);
  else
    return detail::step_reads<P>().greedy_score;
}();

// The policy reads the parts that a score is made of, each by itself: the reward must say them.
template <class P>
inline constexpr bool needs_score_components_v = [] {
  if constexpr (requires { P::needs_score_components; })
    return static_cast<bool>(P::needs_score_components);
  else
    return false;
}();

template <class P>
concept Policy = kind_of<P>
!= Kind::none;

// The sentence that a person reads when a type is no advantage policy. It is asked in a
// static_assert, which comes first; called as a statement, it would come after all other errors.
template <class P>
constexpr bool check_policy() {
  static_assert(Policy<P>,
                "hone: an advantage is called in one of three ways; write "
                "`float operator()(const advantage::Sample& s) const` for one number per answer, "
                "`template <class T> T operator()(const advantage::StepInputs<T>& t) const` for a "
                "recursion from the end, or `void operator()(const advantage::Trajectories&, "
                "advantage::Estimate) const` for everything at once");
  return true;
}

}  // namespace advantage
}  // namespace v0
}  // namespace hone
