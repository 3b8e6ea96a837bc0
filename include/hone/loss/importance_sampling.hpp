// L = w loss,   w = sg(pi_old(a) / pi_rollout(a)), truncated or masked
//
// Corrects for a sampler whose probabilities differ from the trainer's (another engine, another
// precision, an older version of the weights). With hone's own engine pi_rollout = pi_old bit for
// bit and w = 1. Wrappers of any token or sequence loss; which probabilities w compares is `scope`.
//
// TruncatedImportanceSampling: w limited to [low, high]. Yao et al., "Your efficient RL framework
// secretly brings you off-policy RL training", 2025. verl: high = 2; OpenRLHF: [0.5, 5]; slime:
// [0, 2].
//
// IcePop: w where it lies in [low, high], else 0. Ling team, "Every step evolves", 2025. TRL's
// `sequence_mask`: scope PerSequence, low = 0, high = 3.
//
// MaskedImportanceSampling: w, without a limit, where another weight lies in [low, high], else 0.
// OpenRLHF's `seq-mask-tis`: tokens are weighed by their own w in answers whose geometric mean of
// it lies inside.
#pragma once

#include <cstdint>
#include <span>

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

// log w from the probabilities of one token. The record of a sequence loss holds sums, so there it
// is PerSequence.
struct PerToken {
  template <class Inputs>
  HONE_HD constexpr auto operator()(const Inputs& t) const {
    return t.old_logprob - t.rollout_logprob;
  }
  bool operator==(const PerToken&) const = default;
};

// log w of the whole sequence for each of its tokens: unbiased, and it varies more the longer the
// sequence.
struct PerSequence {
  template <class T>
  HONE_HD constexpr auto operator()(const TokenInputs<T>& t) const {
    return t.drift;
  }
  template <class T>
  HONE_HD constexpr auto operator()(const SequenceInputs<T>& s) const {
    return s.old_logprob - s.rollout_logprob;
  }
  bool operator==(const PerSequence&) const = default;
};

// The mean of log w over the sequence: the geometric mean of the tokens' weights.
struct SequenceMeanRatio {
  template <class T>
  HONE_HD constexpr auto operator()(const TokenInputs<T>& t) const {
    return t.drift / t.length;
  }
  template <class T>
  HONE_HD constexpr auto operator()(const SequenceInputs<T>& s) const {
    return (s.old_logprob - s.rollout_logprob) / s.length;
  }
  bool operator==(const SequenceMeanRatio&) const = default;
};

template <class Loss, class Scope = PerToken>
struct TruncatedImportanceSampling {
  static constexpr Level level = level_of<Loss>;

  Loss loss{};
  float low = 0.0f;
  float high = 2.0f;
  Scope scope{};

  template <class Inputs>
  HONE_HD constexpr auto operator()(const Inputs& in) const {
    return clamp(exp(stop_gradient(scope(in))), low, high) * loss(in);
  }

  // The loss's token stage, if it has one (see SequenceInputs::token_sum).
  template <class T>
  requires requires(const Loss& f, const TokenInputs<T>& t) { f.token(t); }
  HONE_HD constexpr auto token(const TokenInputs<T>& t) const { return loss.token(t); }

  bool operator==(const TruncatedImportanceSampling&) const = default;
};

template <class Loss, class Scope = PerToken>
struct IcePop {
  static constexpr Level level = level_of<Loss>;

  Loss loss{};
  float low = 0.5f;
  float high = 5.0f;
  Scope scope{};

  template <class Inputs>
  HONE_HD constexpr auto operator()(const Inputs& in) const {
    const auto weight = exp(stop_gradient(scope(in)));
    return select((weight >= low) & (weight <= high), weight * loss(in), 0);
  }

  // As above.
  template <class T>
  requires requires(const Loss& f, const TokenInputs<T>& t) { f.token(t); }
  HONE_HD constexpr auto token(const TokenInputs<T>& t) const { return loss.token(t); }

  bool operator==(const IcePop&) const = default;
};

template <class Loss, class Mask = SequenceMeanRatio, class Scope = PerToken>
struct MaskedImportanceSampling {
  static constexpr Level level = level_of<Loss>;

  Loss loss{};
  float low = 0.5f;
  float high = 5.0f;
  Mask mask{};
  Scope scope{};

  template <class Inputs>
  HONE_HD constexpr auto operator()(const Inputs& in) const {
    const auto judged = exp(stop_gradient(mask(in)));
    return select((judged >= low) & (judged <= high), exp(stop_gradient(scope(in))) * loss(in), 0);
  }

  // As above.
  template <class T>
  requires requires(const Loss& f, const TokenInputs<T>& t) { f.token(t); }
  HONE_HD constexpr auto token(const TokenInputs<T>& t) const { return loss.token(t); }

  bool operator==(const MaskedImportanceSampling&) const = default;
};

// Fills the columns TokenInputs::drift and TokenInputs::length for the scopes that read them.
// Sequence s has the tokens [offsets[s], offsets[s + 1]), of which mask (empty: all) says which
// were sampled. An empty out span is not wanted.
inline void sequence_drift(std::span<const std::int64_t> offsets,
                           std::span<const std::uint8_t> mask, std::span<const float> old_logprob,
                           std::span<const float> rollout_logprob, std::span<float> drift,
                           std::span<float> length) {
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const auto begin = static_cast<std::size_t>(offsets[s]);
    const auto end = static_cast<std::size_t>(offsets[s + 1]);
    double sum = 0, n = 0;
    for (std::size_t t = begin; t < end; ++t) {
      if (!mask.empty() && mask[t] == 0) continue;
      if (!drift.empty())
        sum += static_cast<double>(old_logprob[t]) - static_cast<double>(rollout_logprob[t]);
      n += 1;
    }
    for (std::size_t t = begin; t < end; ++t) {
      if (!drift.empty()) drift[t] = static_cast<float>(sum);
      if (!length.empty()) length[t] = static_cast<float>(n);
    }
  }
}

}  // namespace loss
}  // namespace v0
}  // namespace hone
