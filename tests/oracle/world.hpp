// The small worlds that estimators are judged in.
#pragma once

#include <gtest/gtest.h>

#include <span>

#include "hone/oracle/estimator.hpp"
#include "hone/oracle/small_world.hpp"

namespace hone_test {

namespace oracle = hone::oracle;

using oracle::along;
using oracle::small_world::graded;
using oracle::small_world::verdict;

inline const oracle::Space space = oracle::small_world::space();
inline const oracle::Space one_step = oracle::small_world::one_step();

inline oracle::Setting setting(int group_size = 1, const oracle::Space& s = space) {
  return oracle::small_world::fresh(group_size, s);
}
inline oracle::Setting off_policy(int group_size = 1, const oracle::Space& s = space) {
  return oracle::small_world::older(group_size, s);
}

// What a loss should have for a gradient: minus that of the expected reward.
inline oracle::Gradient descent(const oracle::Setting& s) {
  return oracle::scaled(oracle::reward_gradient(s.space, s.actor, s.reward), -1);
}

inline oracle::Gradient sum(oracle::Gradient a, const oracle::Gradient& b, double factor = 1) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += factor * b[i];
  return a;
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
