// A world of one prompt that is small enough to be counted, and not so small that estimators agree
//
// Three tokens, of which 0 ends an answer, at most three steps: 15 answers from 7 contexts, rewards
// that differ in size and sign, random policies. The numbers of docs/oracle.md are those of this
// world.
#pragma once

#include <cstddef>
#include <span>

#include "hone/oracle/setting.hpp"

namespace hone {
inline namespace v0 {
namespace oracle {
namespace small_world {

inline Space space() { return Space(3, 3, 0); }
inline Space one_step() { return Space(5, 1); }  // answers of one token out of five

// Exact in single precision, of both signs, dependent on every token and its place.
inline float graded(std::span<const Token> answer) {
  float sum = 0.25f;
  for (std::size_t i = 0; i < answer.size(); ++i)
    sum += static_cast<float>(answer[i] * answer[i]) * (i % 2 == 0 ? 0.5f : -0.25f);
  return sum;
}

// 1 for an answer that holds the token 1, else 0.
inline float verdict(std::span<const Token> answer) {
  for (const Token t : answer)
    if (t == 1) return 1;
  return 0;
}

// The actor samples, and is updated for the first time.
inline Setting fresh(int group_size = 1, const Space& s = space()) {
  return Setting::on_policy(s, Policy::random(s, 11), Policy::random(s, 12), graded, group_size);
}

// The actor has moved since it sampled, each logit by at most `step`.
inline Setting older(int group_size = 1, const Space& s = space(), double step = 0.4) {
  Setting out = fresh(group_size, s);
  out.old = out.rollout = Policy(out.actor.logits() + Policy::random(s, 13, step).logits());
  return out;
}

// Another policy than the one that the update starts from has sampled.
inline Setting other_sampler(int group_size = 1, const Space& s = space(), double step = 0.4) {
  Setting out = fresh(group_size, s);
  out.rollout = older(1, s, step).rollout;
  return out;
}

}  // namespace small_world
}  // namespace oracle
}  // namespace v0
}  // namespace hone
