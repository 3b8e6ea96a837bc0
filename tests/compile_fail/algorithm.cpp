// Compositions that cannot work, and what the compiler says first.
//
// also: nvcc
// expect: \.advantage cannot be called as an advantage: write .float operator\(\)
// expect: \.kl says where an estimator acts: write \.kl = kl::InLoss
// expect: the estimator of \.kl cannot be called with a token: write
// expect: an estimator over the whole vocabulary is a term of the loss.*write kl::InLoss instead
// expect: the \.coef of a KL penalty is a number or a controller: write \.coef = 0\.04f
// expect: \.loss compares given answers: write OfflineTrainer\{model, loss::Dpo\{\}\}
// expect: \.loss cannot be called with the record of its level: write
// expect: \.loss has no gradient by t\.logprob, so nothing would be learnt
// expect: \.loss reads no advantage, so no reward would reach the policy
// expect: \.advantage reads values, so a critic is trained.*write \.value_loss = loss::ValueClip
// expect: \.advantage reads no values, so there is no critic to train: leave \.value_loss out
// expect: \.value_loss is not a loss of values: write a struct
// expect: \.aggregation cannot be called as one: write \.aggregation = loss::TokenMean
// expect: this sequence loss has a token stage of its own.*write kl::InReward instead
// expect: \.ptx has no text to give: write \.ptx = train::Ptx\{\.coef
// expect: \.loss reads token_sum and has no token stage to sum: write a member
// expect: \.loss is of whole sequences and its \.aggregation weighs tokens: leave \.aggregation out
// expect: \.loss is of whole sequences and its \.aggregation weighs tokens.*loss::SequenceMean
// expect: \.advantage reads the parts of a reward.*write \.kl = kl::InLoss
#include "hone/train/algorithm.hpp"

#include "hone/advantage/gae.hpp"
#include "hone/advantage/gdpo.hpp"
#include "hone/kl/full_vocabulary.hpp"
#include "hone/kl/k3.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/value_mse.hpp"

using namespace hone;

struct Nothing {};
struct Frozen {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return t.advantage * stop_gradient(t.logprob);
  }
};

struct Halved {
  static constexpr auto level = Level::sequence;
  loss::Gmpo inner{};
  template <class T>
  constexpr T operator()(const SequenceInputs<T>& s) const {
    return 0.5f * inner(s);
  }
};

#if HONE_FAIL == 1
auto a = Algorithm{.advantage = Nothing{}};
#elif HONE_FAIL == 2
auto a = Algorithm{.kl = kl::K3{}};
#elif HONE_FAIL == 3
auto a = Algorithm{.kl = kl::InLoss{.estimator = Nothing{}}};
#elif HONE_FAIL == 4
auto a = Algorithm{.kl = kl::InReward{.estimator = kl::FullVocabulary{}}};
#elif HONE_FAIL == 5
auto a = Algorithm{.kl = kl::InLoss<kl::K3, const char*>{}};
#elif HONE_FAIL == 6
auto a = Algorithm{.loss = loss::Dpo{}};
#elif HONE_FAIL == 7
auto a = Algorithm{.loss = Nothing{}};
#elif HONE_FAIL == 8
auto a = Algorithm{.loss = Frozen{}};
#elif HONE_FAIL == 9
auto a = Algorithm{.loss = loss::Nll{}};
#elif HONE_FAIL == 10
auto a = Algorithm{.advantage = advantage::Gae{}, .value_loss = loss::None{}};
#elif HONE_FAIL == 11
auto a = Algorithm{.value_loss = loss::ValueMse{}};
#elif HONE_FAIL == 12
auto a = Algorithm{.advantage = advantage::Gae{}, .value_loss = loss::Nll{}};
#elif HONE_FAIL == 13
auto a = Algorithm{.aggregation = Nothing{}};
#elif HONE_FAIL == 14
auto a = actor_objective(Algorithm{.kl = kl::InLoss{}, .loss = loss::Gmpo{}});
#elif HONE_FAIL == 15
auto a = Algorithm{.ptx = Nothing{}};
#elif HONE_FAIL == 16
auto a = Algorithm{.loss = Halved{}};
#elif HONE_FAIL == 17
auto a = Algorithm{.loss = loss::Gmpo{}, .aggregation = loss::TokenMean{}};
#elif HONE_FAIL == 18
auto a = Algorithm{.loss = loss::Gspo{}, .aggregation = loss::FixedLength{}};
#elif HONE_FAIL == 19
auto a = Algorithm{.advantage = advantage::Gdpo{}, .kl = kl::InReward{}};
#else
auto b = Algorithm{.loss = loss::Gspo{}, .aggregation = loss::SequenceMean{.count_empty = true}};
auto a = Algorithm{.advantage = advantage::Gae{},
                   .kl = kl::InLoss{.estimator = kl::FullVocabulary{}},
                   .value_loss = loss::ValueMse{}};
#endif
