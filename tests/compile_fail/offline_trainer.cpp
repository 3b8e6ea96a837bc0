// Objectives on a model that cannot learn from them, and a state that no checkpoint can hold.
//
// expect: a value loss belongs to an Algorithm; give it to OnlineTrainer as value_loss
// expect: an objective of scores is trained on a ScalarModel\{&decoder, &head\}, every other
// expect: an objective of scores is trained on a ScalarModel\{&decoder, &head\}, every other
// expect: a state is made of numbers and aggregates of numbers
#include "hone/train/offline_trainer.hpp"

#include "hone/checkpoint/described.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/value_mse.hpp"
#include "hone/model/decoder.hpp"

using namespace hone;
using Decoder = model::Decoder<model::Llama>;
using Scorer = train::ScalarModel<Decoder>;

struct Counters {
  std::int64_t steps = 0;
#if HONE_FAIL == 4
  std::string note;
#else
  float best = 0;
#endif
};

void restore(Counters& state, const checkpoint::Json& json) {
  checkpoint::restore(state, json, "state");
}

template <class Model, class Objective>
constexpr bool exists = sizeof(train::OfflineTrainer<Model, Objective>) > 0;

#if HONE_FAIL == 1
static_assert(exists<Decoder, loss::ValueMse>);
#elif HONE_FAIL == 2
static_assert(exists<Decoder, loss::BradleyTerry>);
#elif HONE_FAIL == 3
static_assert(exists<Scorer, loss::Nll>);
#else
static_assert(exists<Decoder, loss::Nll> && exists<Scorer, loss::BradleyTerry>);
#endif
