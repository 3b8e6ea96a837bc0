// Laws 1, 2 and 19 on real passes of small models: whatever is packed together, in whatever order,
// whatever the split into micro-batches and the thread count, hidden states, losses and gradients
// are the same bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "../support/law_budget.hpp"
#include "../support/passes.hpp"
#include "../support/structures.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/decoder.hpp"
#include "hone/train/token_pass.hpp"

namespace {

using namespace hone;
using namespace hone::test;

using Tested = testing::Types<structure::Gpt2, structure::Opt350m, structure::Llama,
                              structure::Qwen2, structure::Qwen3, structure::Gemma2>;
std::int64_t budget() { return law_tokens(90'000, 6); }

// A number that looks random, for the gradient of a token's hidden state.
float noise(std::uint64_t a, std::uint64_t b) { return uniform({.seed = a, .sequence = b}) - 0.5f; }

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

// Adds the gradients of a next-token loss in which each token has the same weight in any batch.
template <class Decoder>
OrderFreeSum<> learn(Decoder& d, const Forest& f) {
  const train::HeadRows rows = train::all_rows(f);
  const std::vector<float> weights(static_cast<std::size_t>(rows.size()), 0x1p-6f);
  return train::token_pass(d, f, rows, loss::Nll{}, {}, weights);
}

template <class Structure>
class ExactPasses : public testing::Test {
 protected:
  ExactPasses() : decoder(config_of<Structure>()) {
    decoder.randomise(3, 0.3f);
    randomise_vectors(decoder);
    decoder.train_from_layer(0);
  }
  ~ExactPasses() override { set_threads(2); }
  model::Decoder<typename Structure::Family> decoder;
};
TYPED_TEST_SUITE(ExactPasses, Tested, structure::Names);

TYPED_TEST(ExactPasses, AForestEqualsItsSequencesOneByOne) {
  std::int64_t tokens = 0;
  for (std::uint64_t round = 0; tokens < budget(); ++round) {
    RandomStream stream({.seed = 1, .sequence = round});
    const Forest forest = random_forest(stream, 24, 101);
    tokens += forest.size();
    const auto width = static_cast<std::size_t>(this->decoder.width());
    set_threads(1 + static_cast<int>(round % 4));
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
  report_law_tokens(tokens);
}

// Sequences one by one, in the canonical order of their ids, against all of them packed in another
// order, cut into segments, and brought back into the canonical order. Among them are trees whose
// sequences share a prefix: these are one sum, alone or not.
TYPED_TEST(ExactPasses, PackingAndPermutingChangeNoLossAndNoGradient) {
  std::int64_t tokens = 0;
  for (std::uint64_t round = 0; tokens < budget(); ++round) {
    RandomStream stream({.seed = 9, .sequence = round});
    Forest packed;
    std::vector<bool> branches;
    for (std::uint64_t t = 0; t < 24; ++t) {
      std::int32_t last =
          packed.add_root(random_tokens(stream, 1 + stream.below(40), 101), mix(round, t));
      branches.push_back(stream.below(3) == 0);
      for (std::uint64_t i = 0, n = stream.below(4); i < n; ++i) {
        const std::int32_t next =
            packed.add_child(last, random_tokens(stream, stream.below(30), 101));
        if (!branches.back()) last = next;
      }
    }
    tokens += packed.size();
    const std::vector<std::int64_t> order = packed.canonical_order();

    set_threads(1 + static_cast<int>(round % 4));
    OrderFreeSum<> loss;
    for (const std::int64_t tree : order) {
      Forest alone;
      if (branches[static_cast<std::size_t>(tree)])
        alone.append_tree(packed, tree);
      else
        alone.add_root(packed.sequence(packed.tree_end(tree) - 1));
      loss.add(learn(this->decoder, alone));
    }
    const std::vector<float> want = take_gradients(this->decoder);

    std::vector<std::int64_t> shuffled = order;
    shuffle(stream, shuffled);
    Forest permuted, sorted;
    for (const std::int64_t tree : shuffled) permuted.append_tree(packed, tree);
    for (const std::int64_t tree : permuted.canonical_order()) sorted.append_tree(permuted, tree);
    for (int threads = 1; threads <= 4; ++threads) {
      set_threads(threads);
      ASSERT_EQ(learn(this->decoder, sorted).value(), loss.value()) << "round " << round;
      ASSERT_TRUE(same_bits(take_gradients(this->decoder), want))
          << "round " << round << ", " << threads << " threads";
    }
  }
  report_law_tokens(tokens);
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
        const std::vector<float> g = take_gradients(this->decoder);
        if (hidden.empty()) {
          hidden = h;
          gradients = g;
        }
        ASSERT_TRUE(same_bits(h, hidden)) << threads << " threads";
        ASSERT_TRUE(same_bits(g, gradients)) << threads << " threads, checkpoint " << checkpoint;
      }
  }
  report_law_tokens(tokens);
}

TYPED_TEST(ExactPasses, AnySplitIntoMicroBatchesGivesTheSameGradient) {
  std::int64_t tokens = 0;
  for (std::uint64_t round = 0; tokens < budget(); ++round) {
    RandomStream stream({.seed = 3, .sequence = round});
    const Forest forest = random_forest(stream, 30, 101);
    tokens += forest.size();
    set_threads(1 + static_cast<int>(round % 4));
    accumulate(this->decoder, forest, 0);
    const std::vector<float> whole = take_gradients(this->decoder);
    for (int split = 0; split < 4; ++split) {
      for (std::int64_t tree = 0; tree < forest.trees();) {
        const auto last =
            std::min(forest.trees(),
                     tree + 1 + static_cast<std::int64_t>(stream.below(split == 0 ? 1 : 12)));
        accumulate(this->decoder, forest.slice(tree, last), forest.tree_begin(tree));
        tree = last;
      }
      ASSERT_TRUE(same_bits(take_gradients(this->decoder), whole)) << "split " << split;
    }
  }
  report_law_tokens(tokens);
}

}  // namespace
