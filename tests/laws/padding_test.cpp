// Laws 1 and 8 where rectangular batches are demanded: neither padding nor the id that it is made
// of changes a bit. The padding token may be the end-of-sequence token, which also stands inside
// and at the end of the sequences: what is padding is known from lengths.
#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <vector>

#include "../support/law_budget.hpp"
#include "../support/passes.hpp"
#include "../support/structures.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/data/padded.hpp"
#include "hone/model/decoder.hpp"

namespace {

using namespace hone;
using namespace hone::test;

constexpr Token eos = 3;

// Sequences that end in eos, some of which hold others.
Forest random_sequences(std::uint64_t seed) {
  RandomStream stream({.seed = seed});
  Forest forest;
  for (std::uint64_t s = 0, n = 1 + stream.below(12); s < n; ++s) {
    std::vector<Token> tokens = random_tokens(stream, stream.below(30), 101);
    for (Token& t : tokens)
      if (stream.below(5) == 0) t = eos;
    tokens.insert(tokens.end(), 1 + stream.below(3), eos);
    forest.add_root(tokens);
  }
  return forest;
}

struct Result {
  std::vector<float> hidden, gradients;
};

// Hidden states of all tokens, and the gradients of sum(hidden * slopes).
template <class Decoder>
Result run(Decoder& decoder, const Forest& forest, const std::vector<float>& slopes) {
  model::Native::Pass pass({.record = true});
  const model::Tensor h = decoder.run(pass, forest);
  std::memcpy(h.gradient(), slopes.data(), slopes.size() * sizeof(float));
  Result out{{h.data(), h.data() + h.rows() * h.cols()}, {}};
  pass.backward();
  out.gradients = take_gradients(decoder);
  return out;
}

template <class Structure>
class PaddingLaws : public testing::Test {
 protected:
  ~PaddingLaws() override { set_threads(2); }
};
using Tested = testing::Types<structure::Gpt2, structure::Opt350m, structure::Llama,
                              structure::Qwen2, structure::Qwen3, structure::Gemma2>;
TYPED_TEST_SUITE(PaddingLaws, Tested, structure::Names);

TYPED_TEST(PaddingLaws, PaddingMadeOfAnyTokenChangesNoBit) {
  model::Decoder<typename TypeParam::Family> decoder(config_of<TypeParam>());
  decoder.randomise(1, 0.3f);
  randomise_vectors(decoder);
  decoder.train_from_layer(0);
  const auto width = static_cast<std::size_t>(decoder.width());
  std::int64_t tokens = 0;
  for (std::uint64_t seed = 0; tokens < law_tokens(12'000, 6); ++seed) {
    const Forest forest = random_sequences(seed);
    tokens += forest.size();
    std::vector<float> slopes(static_cast<std::size_t>(forest.size()) * width);
    for (std::size_t i = 0; i < slopes.size(); ++i)
      slopes[i] = uniform({.seed = seed, .sequence = i}) - 0.5f;
    set_threads(1 + static_cast<int>(seed % 4));
    const Result want = run(decoder, forest, slopes);

    for (const Token padding : {eos, Token{0}, Token{100}}) {
      const data::Padded padded = data::pad(forest, {.token = padding, .multiple_of = 8});
      // A model that knows nothing of padding computes whole rows.
      Forest rows;
      for (std::int64_t row = 0; row < padded.rows; ++row)
        rows.add_root(std::span<const Token>(padded.tokens)
                          .subspan(static_cast<std::size_t>(row * padded.width),
                                   static_cast<std::size_t>(padded.width)));
      std::vector<float> row_slopes(padded.index.size() * width, 0.0f);
      for (std::size_t cell = 0; cell < padded.index.size(); ++cell)
        if (padded.index[cell] >= 0)
          std::memcpy(&row_slopes[cell * width],
                      &slopes[static_cast<std::size_t>(padded.index[cell]) * width],
                      width * sizeof(float));
      set_threads(1 + static_cast<int>((seed + static_cast<std::uint64_t>(padding)) % 4));
      const Result got = run(decoder, rows, row_slopes);

      for (std::size_t d = 0; d < width; ++d) {
        std::vector<float> column, wanted;
        for (std::size_t cell = 0; cell < padded.index.size(); ++cell)
          column.push_back(got.hidden[cell * width + d]);
        for (std::size_t t = 0; t < static_cast<std::size_t>(forest.size()); ++t)
          wanted.push_back(want.hidden[t * width + d]);
        const auto back = data::unpad(padded, std::span<const float>(column), forest.size());
        ASSERT_TRUE(same_bits(back, wanted)) << "seed " << seed << ", padding " << padding;
      }
      ASSERT_TRUE(same_bits(got.gradients, want.gradients))
          << "seed " << seed << ", padding " << padding;
    }
  }
  report_law_tokens(tokens);
}

}  // namespace
