#include "hone/train/trunk.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../support/small_model.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/kl/k1.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/clone.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "hone/train/four_networks.hpp"
#include "hone/train/online_trainer.hpp"
#include "hone/train/score.hpp"

namespace {

using namespace hone;

template <class Family>
model::Config config();
template <>
model::Config config<model::Llama>() {
  return {.vocab = 61,
          .hidden = 32,
          .layers = 4,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 8,
          .mlp = 48,
          .max_positions = 128,
          .embed_dim = 32};
}
template <>
model::Config config<model::Gpt2>() {
  return {.family = model::FamilyId::gpt2,
          .vocab = 61,
          .hidden = 32,
          .layers = 4,
          .heads = 4,
          .kv_heads = 4,
          .head_dim = 8,
          .mlp = 48,
          .max_positions = 128,
          .embed_dim = 32};
}

// Two prompts with two answers each.
Forest forest() {
  Forest f;
  for (int tree = 0; tree < 2; ++tree) {
    const std::vector<Token> prompt{1, 5 + tree, 9}, a{3, 4, 7, 8}, b{2, 6 + tree};
    const std::int32_t root = f.add_root(prompt, static_cast<std::uint64_t>(tree));
    f.add_child(root, a);
    f.add_child(root, b);
  }
  return f;
}

template <class Family>
class TrunkTest : public ::testing::Test {};
using Families = ::testing::Types<model::Llama, model::Gpt2>;
TYPED_TEST_SUITE(TrunkTest, Families);

// The weights' gradients of one pass, layer `from` and up trained.
template <class Family>
std::vector<float> gradients(std::int64_t from, bool with_trunk, double& loss) {
  model::Decoder<Family> decoder{config<Family>()};
  decoder.randomise(3, 0.2f);
  decoder.train_from_layer(from);
  const Forest f = forest();
  const std::int64_t layers = with_trunk ? train::frozen_layers(decoder) : 0;
  const std::vector<float> states = train::trunk_states(decoder, f, layers);
  const train::HeadRows rows = train::all_rows(f);
  const std::vector<float> weights(static_cast<std::size_t>(rows.size()), 0.125f);
  loss = train::token_pass(decoder, f, rows, loss::Nll{}, {}, weights, {.trunk = {layers, states}})
             .value();
  std::vector<float> out;
  decoder.for_each_parameter([&](model::Parameter& p) {
    out.insert(out.end(), p.gradient().begin(), p.gradient().end());
  });
  return out;
}

TYPED_TEST(TrunkTest, ChangesNoBitOfLossOrGradient) {
  for (std::int64_t from = 1; from < 4; ++from) {
    double with = 0, without = 0;
    EXPECT_EQ(gradients<TypeParam>(from, true, with), gradients<TypeParam>(from, false, without));
    EXPECT_EQ(with, without);
    EXPECT_GT(with, 0.0);
  }
}

TYPED_TEST(TrunkTest, EndsAtTheFirstLayerThatLearns) {
  model::Decoder<TypeParam> decoder{config<TypeParam>()};
  EXPECT_EQ(train::frozen_layers(decoder), 4);
  decoder.train_from_layer(2);
  EXPECT_EQ(train::frozen_layers(decoder), 2);
  decoder.train_from_layer(0);
  EXPECT_EQ(train::frozen_layers(decoder), 0);
  decoder.for_each_parameter([](model::Parameter& p) { p.set_trainable(false); });
  model::attach(decoder, {.rank = 2});
  EXPECT_EQ(train::frozen_layers(decoder), 0);
}

TYPED_TEST(TrunkTest, EndsAtTheFirstLayerThatDiffers) {
  model::Decoder<TypeParam> decoder{config<TypeParam>()};
  decoder.randomise(3, 0.2f);
  auto copy = model::clone(decoder);
  EXPECT_EQ(train::equal_layers(decoder, copy), 4);
  copy.for_each_parameter([](model::Parameter& p) {
    if (p.name().find(".2.") != std::string::npos) p.value()[0] += 1.0f;
  });
  EXPECT_EQ(train::equal_layers(decoder, copy), 2);
}

// Actor, critic, reference and reward model of one origin, upper layers trained: all of it after
// two steps of PPO.
std::vector<float> trained(bool share_trunk, std::int64_t microbatch_tokens) {
  using Llama = model::Decoder<model::Llama>;
  Llama actor{config<model::Llama>()};
  actor.randomise(3, 0.2f);
  Llama judge = model::clone(actor);
  model::ScalarHead<model::Parameter> head(32);
  head.randomise(7);
  train::FourNetworks networks{actor, {&judge, &head}, {.from_layer = 2}, {.from_layer = 1}};
  train::OnlineOptions options{.group_size = 2,
                               .minibatches = 3,
                               .microbatch_tokens = microbatch_tokens,
                               .schedule = {.peak = 1e-2f, .decay = train::Decay::constant},
                               .critic_schedule = {.peak = 1e-2f, .decay = train::Decay::constant},
                               .share_trunk = share_trunk,
                               .seed = 5};
  options.generation.max_new_tokens = 6;
  const Algorithm ppo{.advantage = advantage::Gae{},
                      .kl = kl::InReward{.estimator = kl::K1{}, .coef = 0.1f}};
  train::OnlineTrainer trainer{networks.actor(), networks.critic(), networks.reward(), ppo,
                               options};
  for (int i = 0; i < 2; ++i) trainer.step(test::prompts(5));
  std::vector<float> out;
  for (Llama* d : {&actor, networks.critic().decoder})
    d->for_each_parameter(
        [&](model::Parameter& p) { out.insert(out.end(), p.value().begin(), p.value().end()); });
  return out;
}

TEST(Trunk, ChangesNoBitOfPpo) {
  const std::vector<float> with = trained(true, 8192), without = trained(false, 8192);
  EXPECT_EQ(with, without);
  EXPECT_EQ(with, trained(true, 16));
}

TEST(Trunk, OfAnotherForestIsAnError) {
  model::Decoder<model::Llama> decoder{config<model::Llama>()};
  decoder.randomise(3, 0.2f);
  const std::vector<float> states(32 * 5);
  EXPECT_THROW(train::score(decoder, forest(), train::all_rows(forest()), {.trunk = {2, states}}),
               Error);
}

}  // namespace
