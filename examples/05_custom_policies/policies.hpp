// Parts of an algorithm that hone does not have. They are structs, so that the same text goes into
// its CPU passes and its CUDA kernels; for the CPU alone a generic lambda would do.
#pragma once

#include "hone/advantage/trajectory.hpp"
#include "hone/core/inputs.hpp"

// A loss. L = -min(sg(r), cap) A log pi(a_t): importance weights that are cut off, not clipped.
struct CappedReinforce {
  float cap = 2.0f;
  template <class T>
  constexpr T operator()(const hone::TokenInputs<T>& t) const {
    return -min(exp(stop_gradient(t.logprob) - t.old_logprob), cap) * t.advantage * t.logprob;
  }
};

// A KL estimator. k = (ref / pi - 1)^2 / 2, which grows faster than the others on tokens that the
// reference would have written and the policy avoids.
struct ChiSquared {
  template <class T>
  constexpr T operator()(const hone::TokenInputs<T>& t) const {
    const T excess = exp(t.ref_logprob - t.logprob) - 1;
    return 0.5f * excess * excess;
  }
};

// An advantage estimator. A_t = r_t + gamma A_{t+1}: the last tokens get most of the credit.
struct RecentCredit {
  float gamma = 0.9f;
  template <class T>
  constexpr T operator()(const hone::advantage::StepInputs<T>& t) const {
    return t.reward + gamma * t.next.advantage;
  }
};
