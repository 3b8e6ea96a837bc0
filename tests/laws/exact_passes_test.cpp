// Laws 1, 2, 7, 17, 19 on real passes of small models: whatever the batch, the split, the thread
// count or the cache, hidden states, gradients, sampled tokens and log-probabilities are the same
// bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/log_softmax.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "hone/rollout/engine.hpp"

namespace {

using namespace hone;

model::Config config_of(model::FamilyId family) {
  model::Config c{.family = family,
                  .vocab = 101,  // no tile divides it
                  .hidden = 32,
                  .layers = 2,
                  .heads = 4,
                  .kv_heads = family == model::FamilyId::gpt2 ? 4 : 2,
                  .head_dim = 8,
                  .mlp = 48,
                  .max_positions = 256,
                  .embed_dim = 32};
  if (family == model::FamilyId::gpt2) c.activation = model::Activation::gelu_tanh;
  if (family == model::FamilyId::gemma2) {
    c.attention_softcap = 5.0f;
    c.final_softcap = 4.0f;
    c.sliding_window = 7;
    c.window_every = 2;
  }
  return c;
}

std::vector<Token> random_tokens(RandomStream& stream, std::size_t n, Token vocab) {
  std::vector<Token> out(n);
  for (Token& t : out) t = static_cast<Token>(stream.below(static_cast<std::uint64_t>(vocab)));
  return out;
}

// Trees of up to three levels; empty segments among them.
Forest random_forest(RandomStream& stream, int trees, Token vocab) {
  Forest f;
  for (int t = 0; t < trees; ++t) {
    const auto root = f.add_root(random_tokens(stream, 1 + stream.below(40), vocab),
                                 static_cast<std::uint64_t>(t));
    std::vector<std::int32_t> parents{root};
    for (std::uint64_t i = 0, n = stream.below(6); i < n; ++i)
      parents.push_back(f.add_child(parents[stream.below(parents.size())],
                                    random_tokens(stream, stream.below(30), vocab)));
  }
  return f;
}

// A number that looks random, for the gradient of a token's hidden state.
float noise(std::uint64_t a, std::uint64_t b) { return uniform({.seed = a, .sequence = b}) - 0.5f; }

template <class Decoder>
std::vector<float> hidden_of(Decoder& d, const Forest& f) {
  model::Native::Pass pass;
  const model::Tensor h = d.run(pass, f);
  return {h.data(), h.data() + h.rows() * h.cols()};
}

// Adds the gradient of sum(h * noise), where the noise of a token depends on `first` + its index.
template <class Decoder>
void accumulate(Decoder& d, const Forest& f, std::int64_t first, bool checkpoint = false) {
  model::Native::Pass pass({.record = true, .checkpoint = checkpoint});
  const model::Tensor h = d.run(pass, f);
  float* g = h.gradient();
  for (std::int64_t i = 0; i < h.rows() * h.cols(); ++i)
    g[i] = noise(7, static_cast<std::uint64_t>(first * h.cols() + i));
  pass.backward();
}

template <class Decoder>
std::vector<float> gradients_of(Decoder& d) {
  std::vector<float> out;
  auto take = [&out](model::Parameter& p) {
    out.insert(out.end(), p.gradient().begin(), p.gradient().end());
    p.zero_gradient();
  };
  d.for_each_parameter(take);
  model::for_each_adapter_parameter(d, take);
  return out;
}

// On how many tokens each law is tried, for each of the four families. HONE_TEST_FULL=1: a million
// in all. HONE_TEST_QUICK=1, for sanitizers and where fused multiply-adds are emulated: few.
std::int64_t budget() {
  if (std::getenv("HONE_TEST_QUICK")) return 2'000;
  return std::getenv("HONE_TEST_FULL") ? 250'000 : 25'000;
}

void report(std::int64_t tokens) {
  std::printf("%lld tokens compared\n", static_cast<long long>(tokens));
  testing::Test::RecordProperty("tokens", std::to_string(tokens));
}

template <class T>
::testing::AssertionResult same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size())
    return ::testing::AssertionFailure() << a.size() << " and " << b.size() << " elements";
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0)
      return ::testing::AssertionFailure() << "element " << i << ": " << a[i] << " and " << b[i];
  return ::testing::AssertionSuccess();
}

template <class Family>
class ExactPasses : public testing::Test {
 protected:
  ExactPasses() : decoder(config_of(Family::traits.id)) {
    decoder.randomise(3, 0.3f);
    decoder.train_from_layer(0);
  }
  ~ExactPasses() override { set_threads(2); }
  model::Decoder<Family> decoder;
};

using Tested = testing::Types<model::Gpt2, model::Llama, model::Qwen3, model::Gemma2>;
TYPED_TEST_SUITE(ExactPasses, Tested);

TYPED_TEST(ExactPasses, AForestEqualsItsSequencesOneByOne) {
  std::int64_t tokens = 0;
  for (std::uint64_t round = 0; tokens < budget(); ++round) {
    RandomStream stream({.seed = 1, .sequence = round});
    const Forest forest = random_forest(stream, 24, 101);
    tokens += forest.size();
    const auto width = static_cast<std::size_t>(this->decoder.width());
    const std::vector<float> packed = hidden_of(this->decoder, forest);
    for (std::int32_t s = 0; s < static_cast<std::int32_t>(forest.segments().size()); ++s) {
      const Segment& segment = forest.segments()[static_cast<std::size_t>(s)];
      if (segment.length == 0 || stream.below(8) != 0) continue;
      Forest alone;
      alone.add_root(forest.sequence(s));
      const std::vector<float> flat = hidden_of(this->decoder, alone);
      const auto n = static_cast<std::size_t>(segment.length) * width;
      const std::vector<float> a(flat.end() - static_cast<std::ptrdiff_t>(n), flat.end());
      const auto begin = packed.begin() + segment.begin * static_cast<std::int64_t>(width);
      const std::vector<float> b(begin, begin + static_cast<std::ptrdiff_t>(n));
      ASSERT_TRUE(same_bits(a, b)) << "round " << round << ", segment " << s;
    }
  }
  report(tokens);
}

TYPED_TEST(ExactPasses, ThreadsAndRecomputationChangeNoBit) {
  std::int64_t tokens = 0;
  for (std::uint64_t round = 0; tokens < budget(); ++round) {
    RandomStream stream({.seed = 2, .sequence = round});
    const Forest forest = random_forest(stream, 40, 101);
    tokens += forest.size();
    std::vector<float> hidden, gradients;
    for (int threads = 1; threads <= 4; ++threads)
      for (const bool checkpoint : {false, true}) {
        set_threads(threads);
        const std::vector<float> h = hidden_of(this->decoder, forest);
        accumulate(this->decoder, forest, 0, checkpoint);
        const std::vector<float> g = gradients_of(this->decoder);
        if (hidden.empty()) {
          hidden = h;
          gradients = g;
        }
        ASSERT_TRUE(same_bits(h, hidden)) << threads << " threads";
        ASSERT_TRUE(same_bits(g, gradients)) << threads << " threads, checkpoint " << checkpoint;
      }
  }
  report(tokens);
}

TYPED_TEST(ExactPasses, AnySplitIntoMicroBatchesGivesTheSameGradient) {
  std::int64_t tokens = 0;
  for (std::uint64_t round = 0; tokens < budget(); ++round) {
    RandomStream stream({.seed = 3, .sequence = round});
    const Forest forest = random_forest(stream, 30, 101);
    tokens += forest.size();
    set_threads(1 + static_cast<int>(round % 4));
    accumulate(this->decoder, forest, 0);
    const std::vector<float> whole = gradients_of(this->decoder);
    for (int split = 0; split < 4; ++split) {
      for (std::int64_t tree = 0; tree < forest.trees();) {
        const auto last =
            std::min(forest.trees(),
                     tree + 1 + static_cast<std::int64_t>(stream.below(split == 0 ? 1 : 12)));
        accumulate(this->decoder, forest.slice(tree, last), forest.tree_begin(tree));
        tree = last;
      }
      ASSERT_TRUE(same_bits(gradients_of(this->decoder), whole)) << "split " << split;
    }
  }
  report(tokens);
}

TYPED_TEST(ExactPasses, SamplesDependOnTheirKeysAlone) {
  model::attach(this->decoder, {.rank = 3, .alpha = 8.0f, .seed = 4});
  model::for_each_adapter_parameter(this->decoder,
                                    [](model::Parameter& p) { p.randomise(5, 0.3f); });
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
    for (int variant = 0; variant < 6; ++variant) {
      set_threads(1 + variant % 4);
      rollout::GenerateOptions o = options;
      o.max_batch = std::vector<std::int32_t>{1, 2, 5, 9, 64, 7}[static_cast<std::size_t>(variant)];
      o.prefill_tokens = variant % 2 ? 16 : 1024;
      o.cache = variant != 4;
      std::vector<rollout::Request> shuffled = requests;
      for (std::size_t i = shuffled.size(); i > 1; --i)
        std::swap(shuffled[i - 1], shuffled[stream.below(i)]);
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
    for (const auto& a : want) tokens += static_cast<std::int64_t>(a.tokens.size());
    for (const auto& r : requests) tokens += static_cast<std::int64_t>(r.prompt.size());
  }
  report(tokens);
}

// A conversation's next turn starts from kept keys and values, and never from those of other
// weights.
TYPED_TEST(ExactPasses, KeptContextsSaveWorkAndBelongToOneVersion) {
  RandomStream stream({.seed = 6});
  rollout::Engine engine{this->decoder};
  engine.keep_contexts(4);
  const rollout::GenerateOptions options{.max_new_tokens = 10, .seed = 1};
  std::vector<Token> turn = random_tokens(stream, 20, 101);
  for (int i = 0; i < 3; ++i) {
    const std::vector<rollout::Request> request{
        {.prompt = turn, .id = static_cast<std::uint64_t>(i)}};
    const auto kept = engine.generate(request, options);
    rollout::Engine fresh{this->decoder};
    const auto plain = fresh.generate(request, options);
    ASSERT_EQ(kept[0].tokens, plain[0].tokens);
    ASSERT_TRUE(same_bits(kept[0].logprobs, plain[0].logprobs));
    turn.insert(turn.end(), kept[0].tokens.begin(), kept[0].tokens.end());
    const auto more = random_tokens(stream, 5, 101);
    turn.insert(turn.end(), more.begin(), more.end());
  }
  EXPECT_GE(engine.reused_tokens(), 20 + 9 + 35);

  const std::int64_t before = engine.reused_tokens();
  this->decoder.randomise(99, 0.3f);
  const std::vector<rollout::Request> request{{.prompt = turn}};
  const auto after = engine.generate(request, options);
  rollout::Engine fresh{this->decoder};
  EXPECT_EQ(engine.reused_tokens(), before) << "keys of other weights were used";
  EXPECT_EQ(after[0].tokens, fresh.generate(request, options)[0].tokens);
}

}  // namespace
