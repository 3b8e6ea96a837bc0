// KL(pi(. | c_t), ref(. | c_t)) = sum_v pi(v) log(pi(v) / ref(v))
//
// Exact at every token: no sampling error, and an exact gradient. Costs a pass of the reference's
// head over the vocabulary beside the policy's own; only for the loss, since a reward needs one
// number before the update.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

struct FullVocabulary {
  // The expectation over tokens is already taken: a ratio would only add noise.
  static constexpr bool exact = true;

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    return t.full_kl;
  }
  bool operator==(const FullVocabulary&) const = default;
};

}  // namespace kl
}  // namespace v0
}  // namespace hone
