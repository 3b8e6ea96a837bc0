// L = sequence(y) + 1/|y| sum_t token(a_t)
//
// A sequence loss with a term of its tokens: Gspo with a KL penalty in the loss. The term is
// averaged over each sequence, as the sequence loss itself is.
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

template <class Sequence, class Token>
struct WithTokenTerm {
  static constexpr Level level = Level::sequence;
  static_assert(!has_token_stage<Sequence>,
                "hone: this sequence loss has a token stage of its own, so a token term cannot be "
                "added to it: put a KL penalty in the reward, write kl::InReward instead of "
                "kl::InLoss");

  Sequence sequence{};
  Token term{};

  template <class T>
  HONE_HD constexpr T token(const TokenInputs<T>& t) const {
    return term(t);
  }
  template <class T>
  HONE_HD constexpr T operator()(const SequenceInputs<T>& s) const {
    return sequence(s) + s.token_sum / s.length;
  }
  bool operator==(const WithTokenTerm&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
