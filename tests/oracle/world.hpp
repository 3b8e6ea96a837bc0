// The small worlds that estimators are judged in.
#pragma once

#include <gtest/gtest.h>

#include <span>

#include "hone/oracle/estimator.hpp"

namespace hone_test {

namespace oracle = hone::oracle;

// Rewards are exact in single precision, differ in size and depend on every token.
inline float graded(std::span<const hone::Token> answer) {
  float sum = 0.25f;
  for (std::size_t i = 0; i < answer.size(); ++i)
    sum += static_cast<float>(answer[i] * answer[i]) * (i % 2 == 0 ? 0.5f : -0.25f);
  return sum;
}

// 1 for answers that hold the token 1, else 0.
inline float verdict(std::span<const hone::Token> answer) {
  for (const hone::Token t : answer)
    if (t == 1) return 1;
  return 0;
}

// Answers of one to three tokens out of three; 15 answers, 7 contexts.
inline const oracle::Space space{3, 3, 0};
// One token out of five.
inline const oracle::Space one_step{5, 1};

inline oracle::Setting setting(int group_size = 1, const oracle::Space& s = space) {
  return oracle::Setting::on_policy(s, oracle::Policy::random(s, 11), oracle::Policy::random(s, 12),
                                    graded, group_size);
}

// The same with samples of an older policy that is not far away.
inline oracle::Setting off_policy(int group_size = 1, const oracle::Space& s = space) {
  oracle::Setting out = setting(group_size, s);
  std::vector<double> logits = out.actor.logits();
  const oracle::Policy step = oracle::Policy::random(s, 13, 0.4);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] += step.logits()[i];
  out.old = out.rollout = oracle::Policy(s, logits);
  return out;
}

// What a loss should have for a gradient: minus that of the expected reward.
inline oracle::Gradient descent(const oracle::Setting& s) {
  return oracle::scaled(oracle::reward_gradient(s.space, s.actor, s.reward), -1);
}

inline oracle::Gradient sum(oracle::Gradient a, const oracle::Gradient& b, double factor = 1) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += factor * b[i];
  return a;
}

// The factor c for which c * b is nearest to a, and what is left over, relative to a.
struct Parallel {
  double factor, rest;
};
inline Parallel along(const oracle::Gradient& a, const oracle::Gradient& b) {
  const double c = oracle::dot(a, b) / oracle::dot(b, b);
  return {c, oracle::distance(a, oracle::scaled(b, c)) / oracle::norm(a)};
}

// Equal up to the rounding of advantages to single precision.
inline void expect_equal(const oracle::Gradient& found, const oracle::Gradient& expected,
                         const char* what) {
  EXPECT_LT(oracle::distance(found, expected), 3e-7 * (1 + oracle::norm(expected)))
      << what << ": |found| " << oracle::norm(found) << ", |expected| " << oracle::norm(expected);
}
inline void expect_apart(const oracle::Gradient& found, const oracle::Gradient& expected,
                         double least, const char* what) {
  EXPECT_GT(oracle::distance(found, expected), least * oracle::norm(expected))
      << what << ": |found| " << oracle::norm(found) << ", |expected| " << oracle::norm(expected);
}

}  // namespace hone_test
