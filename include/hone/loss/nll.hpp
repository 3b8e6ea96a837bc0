// L = -log pi(a_t | c_t)
//
// Negative log-likelihood: supervised fine-tuning, and the next-token loss mixed into PPO (PTX;
// Ouyang et al., "Training language models to follow instructions with human feedback", 2022, eq.
// 2).
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct Nll {
  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    return -t.logprob;
  }
  bool operator==(const Nll&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
