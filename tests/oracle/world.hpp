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
  return -oracle::reward_gradient(s.space, s.actor, s.reward);
}

// Equal up to the rounding of advantages to single precision.
inline void expect_equal(const oracle::Gradient& found, const oracle::Gradient& expected,
                         const char* what) {
  EXPECT_LT((found - expected).norm(), 3e-7 * (1 + expected.norm()))
      << what << ": |found| " << found.norm() << ", |expected| " << expected.norm();
}
inline void expect_apart(const oracle::Gradient& found, const oracle::Gradient& expected,
                         double least, const char* what) {
  EXPECT_GT((found - expected).norm(), least * expected.norm())
      << what << ": |found| " << found.norm() << ", |expected| " << expected.norm();
}

}  // namespace hone_test
