// GRPO teaches sums: a small Llama that was fine-tuned until it solves a part of unseen tasks
// solves many more after learning from its own answers, of which it is told right or wrong alone.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hone/data/format.hpp"
#include "hone/data/loader.hpp"
#include "hone/data/stage.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/decoder.hpp"
#include "hone/recipes/critic_free.hpp"
#include "hone/reward/answer.hpp"
#include "hone/reward/chain_sum.hpp"
#include "hone/reward/completions.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/online_trainer.hpp"
#include "seeds.hpp"

namespace {

using namespace hone;
using Llama = model::Decoder<model::Llama>;

constexpr std::string_view alphabet = "0123456789+=";
constexpr Token end_of_answer = 12;
constexpr std::uint64_t taught = 4000, held_out_from = 1'000'000, held_out = 512;

std::vector<Token> tokenize(std::string_view text) {
  std::vector<Token> out;
  for (const char c : text)
    if (c != ' ') out.push_back(static_cast<Token>(alphabet.find(c)));
  return out;
}

std::string decode(std::span<const Token> tokens) {
  std::string out;
  for (const Token t : tokens)
    if (t < end_of_answer) out += alphabet[static_cast<std::size_t>(t)];
  return out;
}

// Sums of two numbers below 100, characters as tokens. Of the 10,000 tasks the training set has
// less than a third; the held-out set keeps those alone that it lacks.
class Sums {
 public:
  explicit Sums(std::uint64_t seed) : seed_(seed) {
    actor_.randomise(seed, 0.05f);
    actor_.train_from_layer(0);
    std::vector<data::Record> known, unknown;
    for (const data::Record& r : tasks_.tasks(taught)) known.push_back(r);
    for (const data::Record& r : tasks_.tasks(4 * held_out, held_out_from)) {
      bool seen = unknown.size() == held_out;
      for (const data::Record& k : known) seen |= k.prompt == r.prompt;
      if (!seen) unknown.push_back(r);
    }
    demonstrations_ =
        loader(known, data::Demonstrations{.max_tokens = 32, .end = end_of_answer}, 64);
    prompts_ = loader(known, data::Prompts{.max_tokens = 32}, 64);
    unseen_ =
        loader(unknown, data::Prompts{.max_tokens = 32}, static_cast<std::int64_t>(unknown.size()));
  }

  // Until two fifths of the unseen sums are right; returns whether it came so far.
  bool fine_tune() {
    OfflineTrainer trainer{
        actor_, loss::Nll{},
        train::OfflineOptions{
            .optimizer = {.beta2 = 0.99f},
            .schedule = {.peak = 3e-3f, .decay = train::Decay::constant, .warmup = 20}}};
    for (std::uint64_t i = 0; i < 600; ++i) {
      if (i % 25 == 0 && accuracy(0.0f) > 0.4) return true;
      trainer.step(demonstrations_.batch(i));
    }
    return false;
  }

  void reinforce() {
    constexpr std::int64_t steps = 400;
    auto algorithm = recipes::grpo();
    algorithm.kl.coef = 0.0f;
    reward::OnText judge{verifier, decode};
    const auto reward = [&judge](const rollout::Rollouts& r) { return judge(r); };
    train::OnlineOptions options;
    options.group_size = 8;
    options.generation = generation(1.0f);
    options.schedule = {.peak = 1e-3f, .decay = train::Decay::linear, .warmup = 5, .total = steps};
    options.seed = seed_;
    OnlineTrainer trainer{actor_, reward, algorithm, options};
    for (std::int64_t i = 0; i < steps; ++i) {
      const data::Batch batch = prompts_.batch(static_cast<std::uint64_t>(i));
      judge.prompts = reward::prompts_of(prompts_, batch);
      trainer.step(requests(batch));
    }
  }

  // Share of the unseen sums that are answered right, sampled or greedily (temperature 0).
  double accuracy(float temperature) {
    const data::Batch batch = unseen_.batch(0);
    const auto asked = requests(batch);
    rollout::Engine<Llama> engine{actor_};
    reward::OnText judge{verifier, decode};
    judge.prompts = reward::prompts_of(unseen_, batch);
    double right = 0;
    for (const float s :
         judge(rollout::collect(asked, engine.generate(asked, generation(temperature)))))
      right += static_cast<double>(s);
    return right / static_cast<double>(asked.size());
  }

 private:
  template <class Stage>
  data::Loader loader(const std::vector<data::Record>& records, const Stage& stage,
                      std::int64_t trees) const {
    return data::Loader{data::prepare(records, stage, data::Format<>{}, tokenize),
                        {.size = {.trees = trees}, .seed = seed_}};
  }

  static std::vector<rollout::Request> requests(const data::Batch& batch) {
    std::vector<rollout::Request> out;
    for (const std::int32_t root : batch.forest.roots()) {
      const auto tokens = batch.forest.tokens(root);
      out.push_back({.prompt = {tokens.begin(), tokens.end()},
                     .id = batch.forest.segments()[static_cast<std::size_t>(root)].id});
    }
    return out;
  }

  static rollout::GenerateOptions generation(float temperature) {
    return {.sampling = {.temperature = temperature},
            .max_new_tokens = 5,
            .stop_tokens = {end_of_answer},
            .max_batch = 512};
  }

  static inline const reward::NumberAnswer verifier{.find = reward::Find::whole};
  static inline const reward::ChainSum tasks_{.seed = 7};

  std::uint64_t seed_;
  Llama actor_{{.vocab = 13,
                .hidden = 64,
                .layers = 2,
                .heads = 4,
                .kv_heads = 4,
                .head_dim = 16,
                .mlp = 128,
                .max_positions = 32,
                .embed_dim = 64}};
  data::Loader demonstrations_, prompts_, unseen_;
};

TEST(GrpoOnSums, LiftsExactAccuracyOnUnseenTasksByTwentyPoints) {
  for (std::uint64_t seed = 1; seed <= hone_test::seeds(1); ++seed) {
    Sums sums{seed};
    ASSERT_TRUE(sums.fine_tune()) << "seed " << seed;
    const double sampled = sums.accuracy(1.0f), greedy = sums.accuracy(0.0f);
    sums.reinforce();
    const double sampled_after = sums.accuracy(1.0f), greedy_after = sums.accuracy(0.0f);
    std::cout << "seed " << seed << ": sampled " << sampled << " -> " << sampled_after
              << ", greedy " << greedy << " -> " << greedy_after << std::endl;
    EXPECT_GE(sampled_after - sampled, 0.20) << "seed " << seed;
    EXPECT_GE(greedy_after - greedy, 0.10) << "seed " << seed;
  }
}

}  // namespace
