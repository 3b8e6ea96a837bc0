// Law 21: a plain, an AVX2 and an AVX-512 build, by g++ or clang, give the same bits.
//
// The numbers below are those of every build. Whoever changes an order of sums on purpose changes
// them, here and in core/ and kernel/, with the numbers that each test prints.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "../../support/structures.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/embedding.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/model/decoder.hpp"
#include "hone/train/online_trainer.hpp"
#include "hone/train/token_pass.hpp"

namespace {

using namespace hone;

class Fingerprint {
 public:
  void add(std::span<const float> values) {
    for (const float x : values) value_ = mix(value_, to_bits(x));
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

// Sizes that no register and no tile divides.
model::Config config_of(model::FamilyId family) {
  const bool ungrouped = family == model::FamilyId::gpt2 || family == model::FamilyId::opt;
  model::Config c{.family = family,
                  .vocab = 101,
                  .hidden = 60,
                  .layers = 2,
                  .heads = 6,
                  .kv_heads = ungrouped ? 6 : 2,
                  .head_dim = 10,
                  .mlp = 75,
                  .max_positions = 256,
                  .embed_dim = 60};
  if (family == model::FamilyId::gpt2) c.activation = model::Activation::gelu_tanh;
  if (family == model::FamilyId::opt) {  // as the 350M model is
    c.activation = model::Activation::relu;
    c.attention_bias = c.mlp_bias = true;
    c.embed_dim = 44;
    c.norm_before = c.final_norm = false;
  }
  if (family == model::FamilyId::gemma2) {
    c.activation = model::Activation::gelu_tanh;
    c.attention_softcap = 5.0f;
    c.sliding_window = 7;
    c.window_every = 2;
  }
  return c;
}

Forest random_forest(std::uint64_t seed) {
  RandomStream stream({.seed = seed});
  const auto tokens = [&](std::uint64_t least, std::uint64_t spread) {
    std::vector<Token> out(least + stream.below(spread));
    for (Token& t : out) t = static_cast<Token>(stream.below(101));
    return out;
  };
  Forest forest;
  for (std::uint64_t tree = 0; tree < 12; ++tree) {
    const std::int32_t root = forest.add_root(tokens(1, 40), tree);
    const std::int32_t child = forest.add_child(root, tokens(0, 30));
    forest.add_child(child, tokens(1, 20));
    forest.add_child(root, tokens(1, 20));
  }
  return forest;
}

template <class Family>
std::uint64_t forward_and_backward(bool neutral_vectors = true) {
  model::Decoder<Family> decoder(config_of(Family::traits.id));
  decoder.randomise(3, 0.3f);
  if (!neutral_vectors) test::randomise_vectors(decoder);
  decoder.train_from_layer(0);
  const Forest forest = random_forest(1);
  Fingerprint fingerprint;
  {
    model::Native::Pass pass;
    const model::Tensor hidden = decoder.run(pass, forest);
    fingerprint.add({hidden.data(), static_cast<std::size_t>(hidden.rows() * hidden.cols())});
  }
  const auto loss = static_cast<float>(train::next_token_loss(decoder, forest));
  fingerprint.add({&loss, 1});
  decoder.for_each_parameter([&](model::Parameter& p) { fingerprint.add(p.gradient()); });
  std::printf("%s, %s: 0x%016llx\n", simd_name, std::string(name_of(Family::traits.id)).c_str(),
              static_cast<unsigned long long>(fingerprint.value()));
  return fingerprint.value();
}

TEST(EveryBuild, PassesOfEveryKindOfFamilyGiveTheSameBits) {
  EXPECT_EQ(forward_and_backward<model::Gpt2>(), 0x72028ea4cbcd2545u);
  EXPECT_EQ(forward_and_backward<model::Llama>(), 0x16edbd86b895f456u);
  EXPECT_EQ(forward_and_backward<model::Qwen3>(), 0x95e9dd6530c1a1c1u);
  EXPECT_EQ(forward_and_backward<model::Gemma2>(), 0x51a8d158377f64b4u);
}

// Biases and norm weights away from zero and one.
TEST(EveryBuild, PassesWhoseVectorsCountGiveTheSameBits) {
  EXPECT_EQ(forward_and_backward<model::Gpt2>(false), 0xe2669236859ffc5fu);
  EXPECT_EQ(forward_and_backward<model::Opt>(false), 0x25c40add52a0e488u);
  EXPECT_EQ(forward_and_backward<model::Qwen2>(false), 0x141dcc9e2af42926u);
  EXPECT_EQ(forward_and_backward<model::Gemma2>(false), 0x7ba654c1638c606fu);
}

// Sampling with a cache, advantages, a penalty, losses, gradients, norm clipping and AdamW.
TEST(EveryBuild, ARunOfReinforcementLearningGivesTheSameBits) {
  using Llama = model::Decoder<model::Llama>;
  Llama actor(config_of(model::FamilyId::llama));
  actor.randomise(1, 0.2f);
  actor.train_from_layer(0);
  const auto reward = [](const rollout::Rollouts& r) {
    std::vector<float> scores;
    for (std::int64_t s = 0; s < r.answers(); ++s) {
      float low = 0;
      for (const Token t : r.forest.tokens(r.segments[static_cast<std::size_t>(s)])) low += t < 20;
      scores.push_back(low);
    }
    return scores;
  };
  const Algorithm grpo{.kl = kl::InLoss{.coef = 0.1f}};
  train::OnlineOptions options{.group_size = 4, .ppo_epochs = 2, .minibatches = 2, .seed = 5};
  options.generation.max_new_tokens = 12;
  options.generation.stop_tokens = {3, 7};
  options.generation.sampling = {.temperature = 0.8f, .top_p = 0.95f};
  options.optimizer.decay = 0.01f;
  options.schedule = {.peak = 1e-2f, .decay = train::Decay::constant};
  train::OnlineTrainer trainer{actor, reward, grpo, options};
  std::vector<rollout::Request> prompts;
  for (Token i = 0; i < 8; ++i)
    prompts.push_back({.prompt = std::vector<Token>(static_cast<std::size_t>(1 + i % 5), 11 + i),
                       .id = static_cast<std::uint64_t>(i)});
  for (int step = 0; step < 3; ++step) trainer.step(prompts);

  Fingerprint fingerprint;
  actor.for_each_parameter([&](model::Parameter& p) { fingerprint.add(p.value()); });
  std::printf("%s, run: 0x%016llx\n", simd_name,
              static_cast<unsigned long long>(fingerprint.value()));
  EXPECT_EQ(fingerprint.value(), 0x990a1b7e83d9185eu);
}

}  // namespace
