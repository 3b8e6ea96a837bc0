// needs_company(policy): whether an answer that is alone with its prompt can teach nothing
//
// A baseline made of a group's scores is, in a group of one, the answer's own score: the advantage
// is 0 whatever the score is. A policy that gives one number per answer is asked with a group of
// one, so that members count (singleton_keeps_reward), and so does what a user's lambda does. A
// wrapper is as its inner policy.
#pragma once

#include <cstddef>

#include "hone/advantage/group.hpp"
#include "hone/advantage/policy.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

template <class P>
bool needs_company(const P& policy) {
  if constexpr (!needs_groups_v<P>) {
    return false;
  } else if constexpr (requires { needs_company(policy.inner); }) {
    return needs_company(policy.inner);
  } else if constexpr (kind_of<P> == Kind::sample) {
    constexpr float lengths[] = {3.0f, 5.0f}, scores[] = {1.0f, -2.5f};
    const Group batch(scores, lengths);
    for (std::size_t i = 0; i < 2; ++i) {
      const Group alone({scores + i, 1}, {lengths + i, 1});
      const Sample sample{.score = scores[i],
                          .length = lengths[i],
                          .greedy_score = 0.0f,
                          .index = 0,
                          .group = alone,
                          .batch = batch};
      if (policy(sample) != 0.0f) return false;
    }
    return true;
  } else {
    return true;
  }
}

}  // namespace advantage
}  // namespace v0
}  // namespace hone
