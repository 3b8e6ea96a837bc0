// The same refusals under nvcc.
//
// expect: \.kl says where an estimator acts: write \.kl = kl::InLoss
// expect: \.loss compares given answers: write OfflineTrainer\{model, loss::Dpo\{\}\}
// expect: \.advantage reads no values, so there is no critic to train: leave \.value_loss out
// expect: a formula must not branch on its inputs.*write select\(condition, a, b\)
// expect: \.loss is of whole sequences and its \.aggregation weighs tokens.*loss::SequenceMean
#include "hone/advantage/gae.hpp"
#include "hone/core/differentiate.hpp"
#include "hone/kl/k3.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/value_mse.hpp"
#include "hone/train/algorithm.hpp"

using namespace hone;

struct Branches {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    if (t.advantage > 0) return -t.logprob;
    return t.logprob;
  }
};

#if HONE_FAIL == 1
auto a = Algorithm{.kl = kl::K3{}};
#elif HONE_FAIL == 2
auto a = Algorithm{.loss = loss::Dpo{}};
#elif HONE_FAIL == 3
auto a = Algorithm{.value_loss = loss::ValueMse{}};
#elif HONE_FAIL == 4
float a = differentiate(Branches{}, TokenInputs<float>{}).value;
#elif HONE_FAIL == 5
auto a = Algorithm{.loss = loss::Gspo{}, .aggregation = loss::TokenMean{}};
#else
auto a = Algorithm{.advantage = advantage::Gae{},
                   .kl = kl::InLoss{.estimator = kl::K3{}, .coef = 0.04f},
                   .value_loss = loss::ValueMse{}};
#endif
