// Passes that are given an objective of another level, or one that reads what they do not compute.
//
// expect: token_pass takes an objective of single tokens; for sequences and pairs call
// expect: sequence_pass takes an objective of sequences; give the functor
// expect: pair_pass takes an objective of pairs; give the functor
// expect: an objective of pairs cannot read full_kl.*compare with t\.ref_logprob instead
// expect: the loss of an OnlineTrainer is of single tokens or of sequences
#include "hone/loss/dpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/decoder.hpp"
#include "hone/train/actor_pass.hpp"
#include "hone/train/pair_pass.hpp"
#include "hone/train/sequence_pass.hpp"
#include "hone/train/token_pass.hpp"

using namespace hone;
using Actor = model::Decoder<model::Llama>;

struct ExactKlOfPairs {
  static constexpr auto level = Level::pair;
  template <class T>
  constexpr T token(const TokenInputs<T>& t) const {
    return t.full_kl;
  }
  template <class T>
  constexpr T operator()(const PairInputs<T>& p) const {
    return p.chosen.token_sum + p.rejected.logprob - p.chosen.logprob;
  }
};

// A composition of one's own, which no Algorithm has looked at.
struct Unchecked {
  advantage::GroupRelative advantage;
  kl::None kl;
  loss::Dpo loss;
  loss::None value_loss;
  loss::SequenceMean aggregation;
  loss::None ptx;
};

template <class A>
void online(Actor& actor, const train::Experience<A>& e, const A& algorithm,
            const train::PassSettings& settings, loss::PolicyMetrics& metrics) {
  const train::Reference<Actor>* const none = nullptr;
  train::actor_pass(actor, none, e, algorithm, {}, {}, {}, settings, metrics);
}

void f(Actor& actor, const Forest& forest, const train::SequenceRows& answers,
       const loss::SequenceBatch& given, loss::Column weights) {
#if HONE_FAIL == 1
  train::token_pass(actor, forest, answers.rows, loss::Gspo{}, {}, weights);
#elif HONE_FAIL == 2
  train::sequence_pass(actor, forest, answers, loss::Nll{}, given, weights);
#elif HONE_FAIL == 3
  train::pair_pass(actor, forest, answers, {}, loss::Gspo{}, given);
#elif HONE_FAIL == 4
  train::pair_pass(actor, forest, answers, {}, ExactKlOfPairs{}, given);
#elif HONE_FAIL == 5
  loss::PolicyMetrics metrics;
  online(actor, train::Experience<Unchecked>{}, Unchecked{}, {}, metrics);
#else
  train::token_pass(actor, forest, answers.rows, loss::Nll{}, {}, weights);
  train::sequence_pass(actor, forest, answers, loss::Gspo{}, given, weights);
  train::pair_pass(actor, forest, answers, {}, loss::Dpo{}, given);
  loss::PolicyMetrics metrics;
  online(actor, train::Experience<Algorithm<>>{}, Algorithm<>{}, {}, metrics);
#endif
}
