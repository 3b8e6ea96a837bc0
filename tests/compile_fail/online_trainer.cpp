// Trainers that lack what their composition reads.
//
// expect: \.advantage reads the parts of a reward, and this reward gives one score: return a
// expect: value code was instantiated
#include "hone/train/online_trainer.hpp"
#include "../support/watched_models.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/gdpo.hpp"
#include "hone/model/decoder.hpp"
#include "hone/reward/sum.hpp"

using namespace hone;
using Actor = model::Decoder<model::Llama>;
using Gdpo = Algorithm<advantage::Gdpo, kl::None, loss::PpoClip>;

struct OneScore {
  std::vector<float> operator()(const rollout::Rollouts& r) const {
    return std::vector<float>(static_cast<std::size_t>(r.answers()));
  }
};
struct Parts {
  reward::Breakdown<2> operator()(const rollout::Rollouts&) const { return {}; }
};

#if HONE_FAIL == 1
template class train::OnlineTrainer<Actor, OneScore, Gdpo>;
#elif HONE_FAIL == 2
using Values = Algorithm<advantage::Gae, kl::None, loss::PpoClip>;
template class train::OnlineTrainer<test::Valueless, OneScore, Values,
                                    train::ScalarModel<test::Valueless>>;
#else
template class train::OnlineTrainer<Actor, Parts, Gdpo>;
template class train::OnlineTrainer<test::Valueless, OneScore, Algorithm<>>;
#endif
