// Expectations over all answers: the objective, the divergences and their gradients, exactly.
//
//   J(pi)       = sum_y pi(y) R(y)                       expected_reward, reward_gradient
//   KL(pi, q)   = sum_y pi(y) log(pi(y) / q(y))          kl, kl_gradient
//   KL(q, pi)   = sum_y q(y) log(q(y) / pi(y))           kl(q, pi), reverse_kl_gradient
//
// and the token-wise divergences, whose gradient leaves out that another token leads to other
// contexts: sum over contexts, weighted by how often `visitor` comes there, of the gradient of the
// divergence between the two conditional distributions. It is what a penalty in the loss sees.
#pragma once

#include <span>
#include <vector>

#include "hone/oracle/policy.hpp"

namespace hone {
inline namespace v0 {
namespace oracle {

// f(answer) averaged over the answers of a policy.
template <class F>
double expectation(const Space& space, const Policy& pi, const F& f) {
  double sum = 0;
  for (const Answer& a : space.answers()) sum += pi.prob(a) * f(a);
  return sum;
}

// d/d logits of expectation(f), f itself constant: sum_y pi(y) f(y) grad log pi(y).
template <class F>
Gradient expectation_gradient(const Space& space, const Policy& pi, const F& f) {
  Gradient g = pi.no_gradient();
  for (const Answer& a : space.answers()) {
    const double weight = pi.prob(a) * f(a);
    for (std::size_t i = 0; i < a.tokens.size(); ++i)
      pi.add_logprob_gradient(a.rows[i], a.tokens[i], weight, g);
  }
  return g;
}

// reward: callable with std::span<const Token>
template <class Reward>
double expected_reward(const Space& space, const Policy& pi, const Reward& reward) {
  return expectation(space, pi, [&](const Answer& a) {
    return static_cast<double>(reward(std::span<const Token>(a.tokens)));
  });
}
template <class Reward>
Gradient reward_gradient(const Space& space, const Policy& pi, const Reward& reward) {
  return expectation_gradient(space, pi, [&](const Answer& a) {
    return static_cast<double>(reward(std::span<const Token>(a.tokens)));
  });
}

inline double kl(const Space& space, const Policy& p, const Policy& q) {
  return expectation(space, p, [&](const Answer& a) { return p.logprob(a) - q.logprob(a); });
}

// of KL(pi, q) by the logits of pi
inline Gradient kl_gradient(const Space& space, const Policy& pi, const Policy& q) {
  return expectation_gradient(space, pi,
                              [&](const Answer& a) { return pi.logprob(a) - q.logprob(a); });
}

// of KL(q, pi) by the logits of pi
inline Gradient reverse_kl_gradient(const Space& space, const Policy& pi, const Policy& q) {
  Gradient g = pi.no_gradient();
  for (const Answer& a : space.answers())
    for (std::size_t i = 0; i < a.tokens.size(); ++i)
      pi.add_logprob_gradient(a.rows[i], a.tokens[i], -q.prob(a), g);
  return g;
}

// [R] how likely the policy comes to each row.
inline std::vector<double> visits(const Space& space, const Policy& pi) {
  std::vector<double> reach(static_cast<std::size_t>(space.rows()));
  for (const Answer& a : space.answers())
    for (const int row : a.rows) reach[static_cast<std::size_t>(row)] += pi.prob(a);
  return reach;
}

// [R] V(row): the expected reward of an answer that has come to the row.
template <class Reward>
std::vector<double> values(const Space& space, const Policy& pi, const Reward& reward) {
  std::vector<double> out(static_cast<std::size_t>(space.rows()));
  const std::vector<double> reach = visits(space, pi);
  for (const Answer& a : space.answers())
    for (const int row : a.rows)
      out[static_cast<std::size_t>(row)] += pi.prob(a) / reach[static_cast<std::size_t>(row)] *
                                            static_cast<double>(reward(std::span(a.tokens)));
  return out;
}

// sum_rows visits(visitor) grad KL(pi(. | row), q(. | row))
inline Gradient tokenwise_kl_gradient(const Space& space, const Policy& pi, const Policy& q,
                                      const Policy& visitor) {
  Gradient g = pi.no_gradient();
  const std::vector<double> reach = visits(space, visitor);
  for (int row = 0; row < space.rows(); ++row)
    pi.add_kl_gradient(q, row, reach[static_cast<std::size_t>(row)], g);
  return g;
}

// sum_rows visits(visitor) grad KL(q(. | row), pi(. | row))
inline Gradient tokenwise_reverse_kl_gradient(const Space& space, const Policy& pi, const Policy& q,
                                              const Policy& visitor) {
  Gradient g = pi.no_gradient();
  const std::vector<double> reach = visits(space, visitor);
  for (int row = 0; row < space.rows(); ++row)
    pi.add_reverse_kl_gradient(q, row, reach[static_cast<std::size_t>(row)], g);
  return g;
}

inline double dot(const Gradient& a, const Gradient& b) { return a.cwiseProduct(b).sum(); }
inline double cosine(const Gradient& a, const Gradient& b) {
  return dot(a, b) / (a.norm() * b.norm());
}

// The factor c for which c b is nearest to a, and the share of a that is not along b.
struct Parallel {
  double factor, rest;
};
inline Parallel along(const Gradient& a, const Gradient& b) {
  const double c = dot(a, b) / dot(b, b);
  return {c, (a - c * b).norm() / a.norm()};
}

}  // namespace oracle
}  // namespace v0
}  // namespace hone
