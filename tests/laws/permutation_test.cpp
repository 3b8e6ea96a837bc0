// Law 1 for given data: a permuted batch gives the same bits of loss, metrics, gradients and
// weights, whatever the objective, and so does a permuted text or forest of a pass by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/compared_at.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/kto.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/decoder.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/online_trainer.hpp"
#include "hone/train/token_pass.hpp"

namespace {

using namespace hone;
using namespace hone::test;

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// The trees of a batch in another order, segment by segment, and its pairs in another one too.
data::Batch permuted(const data::Batch& from, std::vector<std::int64_t> order) {
  data::Batch out;
  std::vector<std::int32_t> number(from.forest.segments().size());
  for (const std::int64_t tree : order)
    for (std::int32_t s = from.forest.roots()[static_cast<std::size_t>(tree)];
         s < from.forest.tree_end(tree); ++s) {
      const auto i = static_cast<std::size_t>(s);
      const Segment& segment = from.forest.segments()[i];
      number[i] = segment.parent < 0
                      ? out.forest.add_root(from.forest.tokens(s), segment.id)
                      : out.forest.add_child(number[static_cast<std::size_t>(segment.parent)],
                                             from.forest.tokens(s), segment.id);
      out.trained.insert(out.trained.end(), from.trained.begin() + segment.begin,
                         from.trained.begin() + segment.end());
      out.scores.push_back(from.scores[i]);
    }
  for (auto pair = from.pairs.rbegin(); pair != from.pairs.rend(); ++pair)
    out.pairs.push_back({number[static_cast<std::size_t>((*pair)[0])],
                         number[static_cast<std::size_t>((*pair)[1])]});
  return out;
}

// What a step leaves: its report, all gradients, all weights.
struct Left {
  train::Report report;
  std::vector<float> gradients, weights;
};

template <class Trainer>
Left left(Trainer& trainer, train::Report report) {
  Left out{.report = std::move(report)};
  for (model::Parameter* p : trainer.parameters()) {
    out.gradients.insert(out.gradients.end(), p->gradient().begin(), p->gradient().end());
    out.weights.insert(out.weights.end(), p->value().begin(), p->value().end());
  }
  return out;
}

// Two steps, the second on weights that are no longer the reference's, then an evaluation.
template <class Objective>
std::vector<Left> steps(const Objective& objective, const data::Batch& one,
                        const data::Batch& two) {
  const train::OfflineOptions options{.schedule = {.peak = 1e-2f, .decay = train::Decay::constant},
                                      .microbatch_tokens = 40};
  Llama decoder = trained_in_full(1);
  model::ScalarHead<model::Parameter> head(32);
  head.randomise(4);
  head.set_trainable(true);
  const auto run = [&](auto&& model) {
    train::OfflineTrainer trainer{model, objective, options};
    std::vector<Left> out;
    for (const data::Batch* batch : {&one, &two})
      out.push_back(left(trainer, trainer.step(*batch)));
    out.push_back(left(trainer, trainer.evaluate(one)));
    return out;
  };
  if constexpr (level_of<Objective> == Level::score) {
    train::ScalarModel<Llama> scorer{&decoder, &head};
    return run(scorer);
  } else {
    return run(decoder);
  }
}

const std::vector<std::vector<std::int64_t>> orders = {
    {6, 5, 4, 3, 2, 1, 0}, {3, 0, 6, 1, 5, 2, 4}, {1, 0, 2, 3, 4, 5, 6}};

template <class Objective>
void expect_free_of_order(const Objective& objective, const data::Batch& one,
                          const data::Batch& two) {
  const std::vector<Left> want = steps(objective, one, two);
  for (const auto& order : orders) {
    const std::vector<Left> got = steps(objective, permuted(one, order), permuted(two, order));
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(got[i].report.metrics, want[i].report.metrics) << "step " << i;
      EXPECT_TRUE(same_bits(got[i].gradients, want[i].gradients)) << "gradients of step " << i;
      EXPECT_TRUE(same_bits(got[i].weights, want[i].weights)) << "weights after step " << i;
    }
  }
}

TEST(Permutation, OfTextsAndAnswersChangesNoBitOfNll) {
  expect_free_of_order(loss::Nll{}, batch(0, 7, 0), batch(1, 7, 0));
  expect_free_of_order(loss::Nll{}, batch(0, 7, 2), batch(1, 7, 2));
}

TEST(Permutation, OfPairsChangesNoBitOfDpo) {
  expect_free_of_order(loss::Dpo{}, batch(0, 7, 2), batch(1, 7, 2));
}

// Of three answers the second is in two pairs: its derivative is a sum, too.
TEST(Permutation, OfRankedAnswersChangesNoBit) {
  expect_free_of_order(loss::Dpo{}, batch(0, 7, 3), batch(1, 7, 3));
  expect_free_of_order(loss::BradleyTerry{}, batch(0, 7, 3), batch(1, 7, 3));
}

TEST(Permutation, OfPairsChangesNoBitOfARewardModelOfEitherConvention) {
  const loss::BradleyTerry at_the_ends{.centring = 0.01f};
  expect_free_of_order(at_the_ends, batch(0, 7, 2), batch(1, 7, 2));
  expect_free_of_order(loss::ComparedAt<loss::BradleyTerry, loss::FromDivergence>{}, batch(0, 7, 2),
                       batch(1, 7, 2));
}

// Most answers are liked, so that the model becomes surer of all of them and the estimate of its KL
// from answers to other prompts, which move on by one, is above 0.
TEST(Permutation, OfAnswersChangesNoBitOfKto) {
  const auto mostly_liked = [](std::int64_t step) {
    data::Batch out = batch(step, 7, 1);
    for (std::size_t s = 0; s < out.scores.size(); ++s) out.scores[s] = s % 8 == 1 ? -1.0f : 1.0f;
    return out;
  };
  expect_free_of_order(loss::Kto{}, mostly_liked(0), mostly_liked(1));
  EXPECT_GT(steps(loss::Kto{}, mostly_liked(0), mostly_liked(0))[1].report.at("loss/kto_baseline"),
            0.0);
}

// Ids do not tell the trees apart: what they hold does, and if that is the same, what is learnt.
TEST(Permutation, OfTreesWithOneIdChangesNoBit) {
  const auto nameless = [](const data::Batch& from) {
    data::Batch out = from;
    out.forest = {};
    for (const Segment& s : from.forest.segments()) {
      const auto number = static_cast<std::int32_t>(&s - from.forest.segments().data());
      if (s.parent < 0)
        out.forest.add_root(from.forest.tokens(number));
      else
        out.forest.add_child(s.parent, from.forest.tokens(number));
    }
    return out;
  };
  expect_free_of_order(loss::Nll{}, nameless(batch(0, 7, 0)), nameless(batch(1, 7, 0)));
  expect_free_of_order(loss::Dpo{}, nameless(batch(0, 7, 2)), nameless(batch(1, 7, 2)));

  // Four trees of the same tokens: two of them learn another part of it, one prefers otherwise.
  data::Batch twins;
  for (int tree = 0; tree < 7; ++tree) {
    const std::vector<Token> prompt{5, 9, 2}, a{4, 11, 30}, b{tree % 2 ? 17 : 18, 8};
    const std::int32_t root = twins.forest.add_root(prompt);
    twins.forest.add_child(root, a);
    twins.forest.add_child(root, b);
    for (int t = 0; t < 8; ++t) twins.trained.push_back(t > 2 && (tree < 4 || t != 4));
    for (const float score : {0.0f, tree < 6 ? 1.0f : -1.0f, -2.0f}) twins.scores.push_back(score);
    twins.pairs.push_back({root + 1 + tree / 5, root + 2 - tree / 5});
  }
  expect_free_of_order(loss::Nll{}, twins, twins);
  expect_free_of_order(loss::Dpo{}, twins, twins);
  expect_free_of_order(loss::Kto{}, twins, twins);
}

TEST(Permutation, OfTheTextBesideAPolicyChangesNoBit) {
  const auto run = [](const std::vector<std::int64_t>& order) {
    const auto text = [&](std::int64_t update) { return permuted(batch(update, 7, 0), order); };
    Llama actor = trained_in_full(1);
    train::OnlineOptions o = options();
    o.minibatches = 2;
    const Algorithm algorithm{.ptx = train::Ptx<decltype(text)>{2.0f, text}};
    train::OnlineTrainer trainer{actor, small_tokens, algorithm, o};
    const double first = trainer.step(prompts(6)).at("loss/ptx");
    return std::pair{first, weights_of(actor)};
  };
  const auto want = run({0, 1, 2, 3, 4, 5, 6});
  for (const auto& order : orders) {
    const auto got = run(order);
    EXPECT_EQ(got.first, want.first);
    EXPECT_TRUE(same_bits(got.second, want.second));
  }
}

TEST(Permutation, OfAForestChangesNoBitOfTheNextTokenLoss) {
  const data::Batch whole = batch(0, 7, 2);
  const auto run = [](const Forest& forest, bool with_trunk) {
    Llama decoder = trained_in_full(1);
    decoder.train_from_layer(1);
    const std::int64_t layers = with_trunk ? 1 : 0;
    const std::vector<float> states = train::trunk_states(decoder, forest, layers);
    std::vector<float> out{static_cast<float>(train::next_token_loss(
        decoder, forest, {.trunk = with_trunk ? train::Trunk{layers, states} : train::Trunk{}}))};
    decoder.for_each_parameter([&](model::Parameter& p) {
      out.insert(out.end(), p.gradient().begin(), p.gradient().end());
    });
    return out;
  };
  const std::vector<float> want = run(whole.forest, false);
  for (const auto& order : orders)
    for (const bool with_trunk : {false, true})
      EXPECT_TRUE(same_bits(run(permuted(whole, order).forest, with_trunk), want));
}

// Answers of another sampler come in any order.
TEST(Permutation, OfGivenRolloutsChangesNoWeight) {
  Llama sampler = trained_in_full(2);
  rollout::Engine engine{sampler};
  std::vector<rollout::Request> requests = prompts(7);
  for (rollout::Request& r : requests) r.samples = 4;
  const auto answers = rollout::collect(requests, engine.generate(requests, options().generation));
  const auto run = [](const rollout::Rollouts& given) {
    Llama actor = trained_in_full(1);
    train::OnlineOptions o = options();
    o.ppo_epochs = o.minibatches = 2;
    const Algorithm algorithm{.kl = kl::InLoss{.coef = 0.1f}};
    train::OnlineTrainer trainer{actor, small_tokens, algorithm, o};
    trainer.learn(given);
    return weights_of(actor);
  };
  const std::vector<float> want = run(answers);
  for (const auto& order : orders) EXPECT_TRUE(same_bits(run(answers.pick(order)), want));
}

TEST(Permutation, TakesAllOfATree) {
  data::Batch three = batch(0, 3, 2);
  for (std::uint64_t i = 0; i < 3; ++i) three.picks.push_back({.index = i});
  const std::vector<std::int64_t> order{2, 0};
  const data::Batch two = three.take(order);
  EXPECT_EQ(two.forest, three.forest.take(order));
  ASSERT_EQ(two.forest.trees(), 2);
  std::size_t next = 0;
  for (const std::int64_t tree : order) {
    const data::Batch one = three.slice(tree, tree + 1);
    for (std::size_t s = 0; s < 3; ++s, ++next) {
      const Segment &from = one.forest.segments()[s], &to = two.forest.segments()[next];
      EXPECT_EQ(to.id, from.id);
      EXPECT_EQ(two.scores[next], one.scores[s]);
      const auto a = one.forest.tokens(static_cast<std::int32_t>(s));
      const auto b = two.forest.tokens(static_cast<std::int32_t>(next));
      EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
      EXPECT_TRUE(std::equal(one.trained.begin() + from.begin, one.trained.begin() + from.end(),
                             two.trained.begin() + to.begin));
    }
  }
  EXPECT_EQ(two.pairs, (std::vector<std::array<std::int32_t, 2>>{{4, 5}, {1, 2}}));
  EXPECT_EQ(two.picks, (std::vector<data::Pick>{{.index = 2}, {.index = 0}}));
  EXPECT_EQ(two.canonical().pairs, (std::vector<std::array<std::int32_t, 2>>{{1, 2}, {4, 5}}));
}

}  // namespace
