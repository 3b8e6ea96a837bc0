// What goes into the kernels where they are compiled and where they are run: a whole objective of
// hone's, and a user's own parts, structs of three lines.
#pragma once

#include <cstddef>

#include "hone/advantage/group.hpp"
#include "hone/advantage/trajectory.hpp"
#include "hone/core/inputs.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/k3.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sum.hpp"

namespace hone_test {

using PpoWithAll =
    hone::loss::Sum<hone::loss::Sum<hone::loss::PpoClip, hone::kl::InLoss<hone::kl::K3, float>>,
                    hone::loss::EntropyBonus>;

// A loss, a KL estimator and an advantage.
struct Reinforce {
  template <class T>
  constexpr T operator()(const hone::TokenInputs<T>& t) const {
    return -t.advantage * t.logprob;
  }
};
struct Squared {
  template <class T>
  constexpr T operator()(const hone::TokenInputs<T>& t) const {
    return 0.5f * (t.logprob - t.ref_logprob) * (t.logprob - t.ref_logprob);
  }
};
struct Halving {
  template <class T>
  constexpr T operator()(const hone::advantage::StepInputs<T>& t) const {
    return t.reward + 0.5f * t.next.advantage;
  }
};
// An advantage of whole answers: how far above the best of the others.
struct AboveTheBest {
  HONE_HD float operator()(const hone::advantage::Sample& s) const {
    float best = -1e9f;
    for (std::size_t i = 0; i < s.group.size(); ++i)
      if (i != s.index) best = best < s.group.scores()[i] ? s.group.scores()[i] : best;
    return s.group.size() > 1 ? s.score - best : 0.0f;
  }
};
using UsersOwn = hone::loss::Sum<Reinforce, hone::kl::InLoss<Squared, float>>;

}  // namespace hone_test
