// Formulas that cannot run on sixteen tokens at once, or on the wrong record.
//
// also: nvcc
// expect: a formula must not branch on its inputs.*write select\(condition, a, b\)
// expect: a formula must not branch on its inputs.*write select\(condition, a, b\)
// expect: evaluate_sequences takes a sequence objective
// expect: evaluate_pairs takes a pair objective
// expect: evaluate_scores takes an objective of reward-model scores
// expect: reads token_sum and has no token stage to sum: write a member.*returns the wrapped
// expect: reads token_sum and has no token stage to sum: write a member
// expect: both terms of this Sum have a token stage.*write one struct
// expect: ComparedAt's \.loss is no loss of scores: write \.loss = loss::BradleyTerry
// expect: ComparedAt's \.positions cannot be called as positions: write \.positions = loss::From
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/compared_at.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/positions.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sequences.hpp"
#include "hone/loss/sum.hpp"

using namespace hone;

struct Nothing {};
struct Branches {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
#if HONE_FAIL == 1
    if (t.advantage > 0) return -t.logprob;
    return t.logprob;
#else
    return select(t.advantage > 0, -t.logprob, t.logprob);
#endif
  }
};

// A wrapper that forgets the token stage of what it wraps, and a loss of pairs that has none.
struct Halved {
  static constexpr auto level = Level::sequence;
  loss::Gmpo inner{};
  template <class T>
  constexpr T operator()(const SequenceInputs<T>& s) const {
    return 0.5f * inner(s);
  }
};
struct Apart {
  static constexpr auto level = Level::pair;
  template <class T>
  constexpr T operator()(const PairInputs<T>& p) const {
    return p.rejected.token_sum - p.chosen.logprob;
  }
};

float f(loss::SequenceBatch batch, loss::Column column) {
#if HONE_FAIL == 2
  const auto ternary = [](const auto& t) { return t.advantage > 0 ? -t.logprob : t.logprob; };
  return differentiate(ternary, TokenInputs<float>{}).value;
#elif HONE_FAIL == 3
  return static_cast<float>(loss::evaluate_sequences(loss::PpoClip{}, batch, column, {}).value());
#elif HONE_FAIL == 4
  return static_cast<float>(loss::evaluate_pairs(loss::PpoClip{}, batch, {}, {}).loss.value());
#elif HONE_FAIL == 5
  return static_cast<float>(loss::evaluate_scores(loss::Dpo{}, column, {}, {}).value());
#elif HONE_FAIL == 6
  return static_cast<float>(loss::evaluate_sequences(Halved{}, batch, column, {}).value());
#elif HONE_FAIL == 7
  return static_cast<float>(loss::evaluate_pairs(Apart{}, batch, {}, {}).loss.value());
#elif HONE_FAIL == 8
  return loss::Sum<loss::Gmpo, loss::Gmpo>{}.first.log_clip_low;
#elif HONE_FAIL == 9
  return differentiate(loss::ComparedAt{loss::Dpo{}, loss::EndScores{}}, ScoreInputs<float>{})
      .value;
#elif HONE_FAIL == 10
  return differentiate(loss::ComparedAt{loss::BradleyTerry{}, Nothing{}}, ScoreInputs<float>{})
      .value;
#else
  return differentiate(Branches{}, TokenInputs<float>{}).value + static_cast<float>(batch.size()) +
         static_cast<float>(column.size());
#endif
}
