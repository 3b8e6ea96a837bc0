// Laws 7 and 17 on real samples of small models: whatever the batch, the cache and the thread
// count, tokens and log-probabilities are the same bits, those of a training pass; and what was
// computed with other weights is never used.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "../support/law_budget.hpp"
#include "../support/passes.hpp"
#include "../support/small_model.hpp"
#include "../support/structures.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "hone/rollout/engine.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/score.hpp"
#include "hone/train/token_pass.hpp"

namespace {

using namespace hone;
using namespace hone::test;

using Tested = testing::Types<structure::Gpt2, structure::Opt350m, structure::Llama,
                              structure::Qwen2, structure::Qwen3, structure::Gemma2>;
std::int64_t budget() { return law_tokens(80'000, 6); }

template <class Structure>
class Samples : public testing::Test {
 protected:
  Samples() : decoder(config_of<Structure>()) {
    decoder.randomise(3, 0.3f);
    randomise_vectors(decoder);
    model::attach(decoder, {.rank = 3, .alpha = 8.0f, .seed = 4});
    model::for_each_adapter_parameter(decoder, [](model::Parameter& p) { p.randomise(5, 0.3f); });
  }
  ~Samples() override { set_threads(2); }
  model::Decoder<typename Structure::Family> decoder;
};
TYPED_TEST_SUITE(Samples, Tested, structure::Names);

TYPED_TEST(Samples, DependOnTheirKeysAloneAndAreScoredAlikeInTraining) {
  std::int64_t tokens = 0;
  for (std::uint64_t round = 0; tokens < budget(); ++round) {
    RandomStream stream({.seed = 5, .sequence = round});
    std::vector<rollout::Request> requests;
    for (std::uint64_t i = 0; i < 24; ++i)
      requests.push_back({.prompt = random_tokens(stream, 1 + stream.below(40), 101),
                          .samples = static_cast<std::int32_t>(1 + stream.below(4)),
                          .id = 1000 + i});
    const rollout::GenerateOptions options{.sampling = {.temperature = 0.8f, .top_p = 0.9f},
                                           .max_new_tokens = 24,
                                           .stop_tokens = {7},
                                           .seed = 11 + round,
                                           .step = 2};
    rollout::Engine engine{this->decoder};
    const auto want = engine.generate(requests, options);
    // Without a cache each token costs a whole sequence: four rounds try all thread counts so.
    for (int variant = 0; variant < 5; ++variant) {
      const bool cache = variant < 4;
      set_threads(1 + (cache ? variant : static_cast<int>(round % 4)));
      rollout::GenerateOptions o = options;
      o.max_batch = std::vector<std::int32_t>{1, 5, 9, 64, 7}[static_cast<std::size_t>(variant)];
      o.prefill_tokens = variant % 2 ? 16 : 1024;
      o.cache = cache;
      std::vector<rollout::Request> shuffled = requests;
      shuffle(stream, shuffled);
      const auto got = engine.generate(shuffled, o);
      std::map<std::pair<std::uint64_t, std::int32_t>, const rollout::Answer*> by_key;
      for (const auto& a : got)
        by_key[{shuffled[static_cast<std::size_t>(a.request)].id, a.sample}] = &a;
      for (const auto& a : want) {
        const auto& b = *by_key.at({requests[static_cast<std::size_t>(a.request)].id, a.sample});
        ASSERT_EQ(a.tokens, b.tokens) << "round " << round << ", variant " << variant;
        ASSERT_TRUE(same_bits(a.logprobs, b.logprobs)) << "variant " << variant;
        ASSERT_EQ(a.finish, b.finish);
      }
    }

    // Groups share their prompt: without gradients, and in a pass that learns.
    const rollout::Rollouts rollouts = rollout::collect(requests, want);
    const train::HeadRows rows = train::answer_rows(rollouts);
    const train::PassSettings settings{.temperature = options.sampling.temperature,
                                       .checkpoint_activations = round % 2 == 1};
    std::vector<float> seen(static_cast<std::size_t>(rows.size()));
    const std::vector<float> weights(seen.size(), 0x1p-6f);
    set_threads(1 + static_cast<int>((round + 1) % 4));
    ASSERT_TRUE(same_bits(train::score(this->decoder, rollouts.forest, rows, settings).logprobs,
                          rollouts.logprobs))
        << "round " << round;
    set_threads(1 + static_cast<int>((round + 2) % 4));
    train::token_pass(this->decoder, rollouts.forest, rows, loss::Nll{}, {}, weights, settings,
                      {.logprobs = seen});
    ASSERT_TRUE(same_bits(seen, rollouts.logprobs)) << "round " << round;
    tokens += rollouts.forest.size();
  }
  report_law_tokens(tokens);
}

// A conversation's next turn starts from kept keys and values, and never from those of other
// weights, whatever has changed them.
TYPED_TEST(Samples, KeptContextsSaveWorkAndBelongToOneVersion) {
  enum Change { nothing, trained, switched, merged, redrawn };
  std::int64_t tokens = 0;
  train::OfflineTrainer trainer{
      this->decoder, loss::Nll{}, {.schedule = {.peak = 1e-2f, .decay = train::Decay::constant}}};
  for (std::uint64_t round = 0; tokens < law_tokens(20'000, 6); ++round) {
    RandomStream stream({.seed = 6, .sequence = round});
    rollout::Engine engine{this->decoder};
    engine.keep_contexts(1 + stream.below(4));
    rollout::GenerateOptions options{.max_new_tokens = 10, .seed = round};
    std::vector<Token> turn = random_tokens(stream, 1 + stream.below(20), 101);
    std::vector<Change> changes{nothing, nothing,  nothing, nothing,
                                trained, switched, merged,  redrawn};
    shuffle(stream, changes);
    std::size_t computed = 0;  // of the last turn: all but the last sampled token
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const Change change = changes[i];
      std::optional<model::Merged<model::Decoder<typename TypeParam::Family>>> in_one;
      const bool adapters = options.adapters;
      if (change == trained) {
        trainer.step(batch(static_cast<std::int64_t>(round * 8 + i), 2, 2));
      } else if (change == switched) {
        options.adapters = !options.adapters;
      } else if (change == merged) {
        in_one.emplace(this->decoder);
        options.adapters = false;
      } else if (change == redrawn) {
        this->decoder.randomise(round * 8 + i, 0.3f);
        randomise_vectors(this->decoder);
      }
      set_threads(1 + static_cast<int>((round + i) % 4));
      const std::vector<rollout::Request> request{{.prompt = turn, .id = i}};
      const std::int64_t before = engine.reused_tokens();
      const auto kept = engine.generate(request, options);
      const auto reused = static_cast<std::size_t>(engine.reused_tokens() - before);
      EXPECT_EQ(reused, change == nothing ? computed : 0)
          << "round " << round << ", turn " << i << ", change " << change;
      rollout::GenerateOptions without = options;
      without.cache = i % 4 != 3;
      rollout::Engine fresh{this->decoder};
      const auto plain = fresh.generate(request, without);
      ASSERT_EQ(kept[0].tokens, plain[0].tokens) << "change " << change;
      ASSERT_TRUE(same_bits(kept[0].logprobs, plain[0].logprobs)) << "change " << change;

      tokens += static_cast<std::int64_t>(turn.size() + kept[0].tokens.size());
      turn.insert(turn.end(), kept[0].tokens.begin(), kept[0].tokens.end());
      computed = change == merged ? 0 : turn.size() - 1;
      options.adapters = change == merged ? adapters : options.adapters;
      const auto more = random_tokens(stream, 5, 101);
      turn.insert(turn.end(), more.begin(), more.end());
    }
  }
  report_law_tokens(tokens);
}

}  // namespace
