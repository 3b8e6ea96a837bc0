// The exact KL over the vocabulary as a term of the loss, from the head pass to whole steps.
#include "hone/kl/full_vocabulary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;

// An actor that has moved away from its reference, and some text.
struct Moved {
  Llama actor{small()};
  std::optional<train::Reference<Llama>> reference;
  Forest forest;
  train::HeadRows rows;

  Moved() {
    actor.randomise(1, 0.2f);
    actor.train_from_layer(0);
    reference.emplace(actor);
    RandomStream random({.seed = 9});
    actor.for_each_parameter([&](model::Parameter& p) {
      for (float& x : p.value()) x += 0.05f * (2 * random.uniform() - 1);
    });
    actor.touch();
    for (int s = 0; s < 3; ++s) {
      std::vector<Token> tokens;
      for (int t = 0; t < 5 + s; ++t) tokens.push_back((7 * s + 13 * t + 1) % 61);
      forest.add_root(tokens);
    }
    rows = train::all_rows(forest);
  }
};

constexpr kl::InLoss penalty{.estimator = kl::FullVocabulary{}, .coef = 1.0f};

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double divergence_of(Moved& m, std::span<const float> weights) {
  train::zero_gradients(train::trainable_parameters(m.actor));
  const auto beside = m.reference->beside(m.forest);
  return train::token_pass(m.actor, m.forest, m.rows, penalty, {}, weights, {.temperature = 0.7f},
                           {}, &beside.head)
      .value();
}

TEST(FullKl, IsTheSumOverTheVocabularyOfBothModelsOwnLogProbabilities) {
  Moved m;
  std::vector<float> weights(static_cast<std::size_t>(m.rows.size()));
  for (std::size_t r = 0; r < weights.size(); ++r)
    weights[r] = 0.1f + 0.01f * static_cast<float>(r);
  const double found = divergence_of(m, weights);

  train::HeadRows every;  // each row with each token of the vocabulary as its target
  for (const std::int64_t h : m.rows.hidden)
    for (Token v = 0; v < 61; ++v) {
      every.hidden.push_back(h);
      every.targets.push_back(v);
      every.tokens.push_back(0);
    }
  const train::PassSettings settings{.temperature = 0.7f};
  const auto p = train::score(m.actor, m.forest, every, settings).logprobs;
  const auto q = m.reference->logprobs(m.forest, every, settings);
  double expected = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    expected += double{weights[i / 61]} * std::exp(double{p[i]}) * (double{p[i]} - double{q[i]});
  EXPECT_GT(expected, 0.01);
  EXPECT_NEAR(found, expected, 1e-5 * expected);
}

TEST(FullKl, GradientsAreThoseOfFiniteDifferences) {
  Moved m;
  const std::vector<float> weights(static_cast<std::size_t>(m.rows.size()), 1.0f);
  const auto parameters = train::trainable_parameters(m.actor);
  divergence_of(m, weights);
  std::vector<std::vector<float>> gradients;
  for (model::Parameter* p : parameters) {
    const auto g = p->gradient();
    gradients.emplace_back(g.begin(), g.end());
  }
  // One direction per parameter tensor: the gradient's own, so that the slope is its norm.
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto value = parameters[i]->value();
    const std::vector<float> before(value.begin(), value.end());
    double norm = 0;
    for (float g : gradients[i]) norm += double{g} * double{g};
    norm = std::sqrt(norm);
    ASSERT_GT(norm, 1e-4) << "tensor " << i;
    const double width = 4e-3;
    double ends[2];
    for (int side = 0; side < 2; ++side) {
      for (std::size_t k = 0; k < before.size(); ++k)
        value[k] = before[k] +
                   static_cast<float>((side ? width : -width) * double{gradients[i][k]} / norm);
      m.actor.touch();
      ends[side] = divergence_of(m, weights);
    }
    std::copy(before.begin(), before.end(), value.begin());
    m.actor.touch();
    EXPECT_NEAR((ends[1] - ends[0]) / (2 * width), norm, 5e-3 * norm + 1e-3) << "tensor " << i;
  }
}

// One number per token and one per sequence: the same penalty by both passes.
struct Nothing {
  template <class T>
  constexpr T operator()(const SequenceInputs<T>& s) const {
    return 0 * s.logprob;
  }
};

TEST(FullKl, ASequenceLossTakesItAsItsTokenTerm) {
  Moved m;
  train::SequenceRows sequences;
  const std::vector<std::uint8_t> trained = [&] {
    std::vector<std::uint8_t> t(static_cast<std::size_t>(m.forest.size()), 1);
    for (const Segment& s : m.forest.segments()) t[static_cast<std::size_t>(s.begin)] = 0;
    return t;
  }();
  for (std::int32_t s = 0; s < 3; ++s) sequences.add(m.forest, s, trained);
  std::vector<float> by_token, by_sequence;
  for (std::int64_t s = 0; s < 3; ++s) {
    by_sequence.push_back(0.5f);
    for (std::int64_t t = 0; t < sequences.length(s); ++t)
      by_token.push_back(0.5f / static_cast<float>(sequences.length(s)));
  }
  const double tokens = divergence_of(m, by_token);
  const auto parameters = train::trainable_parameters(m.actor);
  std::vector<float> expected;
  for (model::Parameter* p : parameters)
    expected.insert(expected.end(), p->gradient().begin(), p->gradient().end());

  train::zero_gradients(parameters);
  const auto beside = m.reference->beside(m.forest);
  const loss::WithTokenTerm<Nothing, std::remove_const_t<decltype(penalty)>> objective{{}, penalty};
  std::vector<float> kls(by_token.size());
  const double whole =
      train::sequence_pass(m.actor, m.forest, sequences, objective, {}, by_sequence,
                           {.temperature = 0.7f}, {.kls = kls}, &beside.head)
          .value();
  EXPECT_NEAR(whole, tokens, 1e-6 * tokens);
  double largest = 0, difference = 0;
  std::size_t i = 0;
  for (model::Parameter* p : parameters)
    for (float g : p->gradient()) {
      largest = std::max(largest, std::fabs(double{g}));
      difference = std::max(difference, std::fabs(double{g} - double{expected[i++]}));
    }
  EXPECT_GT(largest, 0.001);
  EXPECT_LT(difference, 1e-5 * largest);
  for (float x : kls) EXPECT_GT(x, 0.0f);
}

TEST(FullKl, WithoutAReferenceItIsRefused) {
  Moved m;
  const std::vector<float> weights(static_cast<std::size_t>(m.rows.size()), 1.0f);
  EXPECT_THROW(train::token_pass(m.actor, m.forest, m.rows, penalty, {}, weights), Error);
}

template <class A>
std::vector<float> trained(const A& algorithm, int steps, std::int64_t microbatch, bool adapters) {
  Llama actor{small()};
  actor.randomise(1, 0.2f);
  if (adapters)
    model::attach(actor, {.rank = 2, .alpha = 4.0f, .seed = 3});
  else
    actor.train_from_layer(0);
  train::OnlineOptions o = options();
  o.generation.max_new_tokens = 8;
  o.microbatch_tokens = microbatch;
  train::OnlineTrainer trainer{actor, small_tokens, algorithm, o};
  for (int i = 0; i < steps; ++i) trainer.step(prompts(5));
  return weights_of(actor);
}

TEST(FullKl, TrainsWithACopyAndWithAdaptersAndLossesOfBothLevels) {
  const auto with = [](auto loss, float coef) {
    return Algorithm<advantage::GroupRelative, kl::InLoss<kl::FullVocabulary>, decltype(loss)>{
        .kl = {.estimator = {}, .coef = coef}, .loss = loss};
  };
  const auto without = [](auto loss) {
    return Algorithm<advantage::GroupRelative, kl::None, decltype(loss)>{.loss = loss};
  };
  for (const bool adapters : {false, true}) {
    // On the first step actor and reference are equal: the penalty and its gradient are exactly 0.
    EXPECT_TRUE(same(trained(with(loss::PpoClip{}, 3.0f), 1, 8192, adapters),
                     trained(without(loss::PpoClip{}), 1, 8192, adapters)));
    const auto token = trained(with(loss::PpoClip{}, 3.0f), 3, 8192, adapters);
    EXPECT_FALSE(same(token, trained(without(loss::PpoClip{}), 3, 8192, adapters)));
    EXPECT_TRUE(same(token, trained(with(loss::PpoClip{}, 3.0f), 3, 20, adapters)));
    set_threads(1);
    EXPECT_TRUE(same(token, trained(with(loss::PpoClip{}, 3.0f), 3, 20, adapters)));
    set_threads(2);
    const auto sequence = trained(with(loss::Gspo{}, 3.0f), 3, 8192, adapters);
    EXPECT_FALSE(same(sequence, trained(without(loss::Gspo{}), 3, 8192, adapters)));
    EXPECT_TRUE(same(sequence, trained(with(loss::Gspo{}, 3.0f), 3, 20, adapters)));
    for (float x : sequence) ASSERT_TRUE(std::isfinite(x));
  }
}

}  // namespace
