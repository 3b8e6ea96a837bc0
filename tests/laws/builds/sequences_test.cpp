// Law 21 for objectives of sequences and pairs: sums, exp and log in double give the same bits in
// every build.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/hinge_dpo.hpp"
#include "hone/loss/ipo.hpp"
#include "hone/loss/kto.hpp"
#include "hone/loss/orpo.hpp"
#include "hone/loss/robust_dpo.hpp"
#include "hone/loss/sequences.hpp"
#include "hone/loss/simpo.hpp"
#include "hone/loss/sum.hpp"
#include "hone/loss/token_term.hpp"

namespace {

using namespace hone;

// Batches that no library's distribution has drawn: the same everywhere.
std::uint64_t mix_in(std::uint64_t print, std::span<const float> numbers) {
  for (const float x : numbers) print = mix(print, std::bit_cast<std::uint32_t>(x));
  return print;
}

template <class F>
std::uint64_t fingerprint_of(std::uint64_t print, const F& f) {
  constexpr std::size_t tokens = 400, sequences = 40;
  RandomStream random({.seed = 11});
  const auto column = [&](float scale, float shift) {
    std::vector<float> out(tokens);
    for (float& x : out) x = scale * (random.uniform() - 0.5f) + shift;
    return out;
  };
  const std::vector<float> logprob = column(3, -2), old = column(3, -2), ref = column(3, -2),
                           entropy = column(1, 2), advantage = column(2, 0);
  std::vector<std::int64_t> offsets{0};
  for (std::size_t s = 0; s < sequences; ++s)
    offsets.push_back(offsets.back() + static_cast<std::int64_t>(random.below(20)) + 1);
  offsets.back() = tokens;
  for (std::int64_t& o : offsets) o = std::min<std::int64_t>(o, tokens);
  std::vector<float> label(sequences), weights(sequences, 1.0f / sequences);
  for (float& x : label) x = static_cast<float>(random.below(2));
  loss::SequenceBatch b;
  b.offsets = offsets;
  b.tokens = {.logprob = logprob,
              .entropy = entropy,
              .old_logprob = old,
              .ref_logprob = ref,
              .advantage = advantage};
  b.label = label;
  b.baseline = 0.3;
  std::vector<float> by_logprob(tokens), by_entropy(tokens);
  TokenInputs<loss::Derivative> out;
  out.logprob = by_logprob;
  out.entropy = by_entropy;
  double value = 0;
  if constexpr (level_of<F> == Level::pair) {
    std::vector<loss::Pair> pairs;
    for (std::int32_t p = 0; p < 20; ++p) pairs.push_back({2 * p, 2 * p + 1, 0.1f, 0.05f});
    value = loss::evaluate_pairs(f, b, pairs, out).loss.value();
  } else {
    value = loss::evaluate_sequences(f, b, weights, out).value();
  }
  print = mix(print, std::bit_cast<std::uint64_t>(value));
  return mix_in(mix_in(print, by_logprob), by_entropy);
}

TEST(EveryBuild, ObjectivesOfSequencesAndPairsGiveTheSameBits) {
  std::uint64_t print = 0;
  const auto add = [&](const auto&... f) { ((print = fingerprint_of(print, f)), ...); };
  add(loss::Gspo{}, loss::Sum{loss::Gspo{}, loss::EntropyBonus{}}, loss::Gmpo{}, loss::Kto{},
      loss::WithTokenTerm<loss::Gspo, kl::InLoss<>>{}, loss::Dpo{}, loss::HingeDpo{}, loss::Ipo{},
      loss::RobustDpo{}, loss::Orpo{}, loss::SimPo{});
  std::printf("fingerprint: %016llx\n", static_cast<unsigned long long>(print));
  EXPECT_EQ(print, 0x35825998fa0c5fe2u);
}

}  // namespace
