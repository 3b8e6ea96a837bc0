// What is judged, and in which world: a composition of policies, and the whole world of one prompt
//
// A composition is any aggregate with the members advantage, kl, loss and aggregation: a
// hone::Algorithm, or the Composition below.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "hone/advantage/monte_carlo.hpp"
#include "hone/kl/none.hpp"
#include "hone/loss/aggregation.hpp"
#include "hone/loss/policy_gradient.hpp"
#include "hone/oracle/policy.hpp"
#include "hone/oracle/space.hpp"

namespace hone {
inline namespace v0 {
namespace oracle {

// 1 / answers of the batch, for every token: the sum over an answer's tokens, averaged over
// answers. With it a REINFORCE loss estimates the gradient of the expected reward itself.
struct AnswerSum {
  float operator()(const loss::Counts& batch, std::int64_t) const {
    return static_cast<float>(1.0 / static_cast<double>(batch.sequences + batch.empty));
  }
  bool operator==(const AnswerSum&) const = default;
};

template <class Advantage = advantage::MonteCarlo, class Kl = kl::None,
          class Loss = loss::PolicyGradient, class Aggregation = AnswerSum>
struct Composition {
  Advantage advantage = {};
  Kl kl = {};
  Loss loss = {};
  Aggregation aggregation = {};
};

// The whole world of one prompt.
struct Setting {
  Space space;
  Policy actor;                    // pi, by whose logits is differentiated
  Policy old;                      // pi at the start of the update phase: the ratio's denominator
  Policy rollout;                  // what the answers are drawn from
  Policy reference;                // ref
  std::vector<float> values = {};  // [R] the critic's V, for policies that read values
  std::function<float(std::span<const Token>)> reward = {};
  int group_size = 1;
  // What the reward is a sum of, for policies that read its parts (Gdpo).
  std::vector<std::function<float(std::span<const Token>)>> parts = {};
  // The critic's V after the end token of an answer, for policies that read it there; empty: 0.
  std::function<float(std::span<const Token>)> value_after = {};

  // Everything but the reference is the actor: the first pass over fresh samples.
  static Setting on_policy(const Space& space, const Policy& actor, const Policy& reference,
                           std::function<float(std::span<const Token>)> reward,
                           int group_size = 1) {
    return {.space = space,
            .actor = actor,
            .old = actor,
            .rollout = actor,
            .reference = reference,
            .reward = std::move(reward),
            .group_size = group_size};
  }
};

}  // namespace oracle
}  // namespace v0
}  // namespace hone
