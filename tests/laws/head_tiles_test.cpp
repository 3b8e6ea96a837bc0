// Law 4 on real passes: a vocabulary that no tile divides, and whatever cuts the head's work into
// blocks, tiles and threads, change no log-probability, no entropy and no gradient.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../support/law_budget.hpp"
#include "../support/passes.hpp"
#include "../support/structures.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/head_pass.hpp"
#include "hone/kernel/linear.hpp"
#include "hone/model/decoder.hpp"
#include "hone/train/score.hpp"
#include "hone/train/token_pass.hpp"

namespace {

using namespace hone;
using namespace hone::test;

struct Head {
  std::vector<float> logprobs, entropies, dhidden, dweight;
};

// L = sum over rows of -logprob / 64 - entropy / 128.
Head head_of(const kernel::HeadShape& shape, const std::vector<float>& hidden,
             std::span<const float> panels, const train::HeadRows& rows) {
  Head out;
  out.logprobs.resize(static_cast<std::size_t>(shape.rows));
  out.entropies.resize(out.logprobs.size());
  out.dhidden.resize(hidden.size());
  out.dweight.resize(panels.size());
  kernel::head_gradients(
      shape, hidden.data(), panels.data(), rows.hidden.data(), rows.targets.data(), true,
      [&](std::int64_t begin, std::int64_t count, const float* logprobs, const float* entropies,
          float* d_logprobs, float* d_entropies) {
        std::copy_n(logprobs, count, out.logprobs.begin() + begin);
        std::copy_n(entropies, count, out.entropies.begin() + begin);
        std::fill_n(d_logprobs, count, -0x1p-6f);
        std::fill_n(d_entropies, count, -0x1p-7f);
      },
      out.dhidden.data(), out.dweight.data());
  return out;
}

// The first `rows` rows and `columns` columns of a matrix in `width` columns.
std::vector<float> corner(const std::vector<float>& matrix, std::int64_t width, std::int64_t rows,
                          std::int64_t columns) {
  std::vector<float> out;
  for (std::int64_t r = 0; r < rows; ++r)
    out.insert(out.end(), matrix.begin() + r * width, matrix.begin() + r * width + columns);
  return out;
}

// The same with one column more, whose numbers are `last` in these rows and `beyond` in as many
// further rows of zeros as make it `all` rows.
std::vector<float> widened(const std::vector<float>& matrix, std::int64_t width, std::int64_t all,
                           float last, float beyond) {
  std::vector<float> out;
  const auto rows = static_cast<std::int64_t>(matrix.size()) / width;
  for (std::int64_t r = 0; r < all; ++r) {
    if (r < rows)
      out.insert(out.end(), matrix.begin() + r * width, matrix.begin() + (r + 1) * width);
    else
      out.insert(out.end(), static_cast<std::size_t>(width), 0.0f);
    out.push_back(r < rows ? last : beyond);
  }
  return out;
}

// Numbers of a matrix [out, in] in panels, and back.
std::vector<float> packed(const std::vector<float>& matrix, std::int64_t out, std::int64_t in) {
  std::vector<float> panels(static_cast<std::size_t>(kernel::panel_size(out, in)));
  kernel::pack_panels(matrix.data(), out, in, panels.data());
  return panels;
}
std::vector<float> unpacked(const std::vector<float>& panels, std::int64_t out, std::int64_t in) {
  std::vector<float> matrix(static_cast<std::size_t>(out * in));
  kernel::unpack_panels(panels.data(), out, in, matrix.data());
  return matrix;
}

void expect_same(const Head& a, const Head& b, const std::string& what) {
  ASSERT_TRUE(same_bits(a.logprobs, b.logprobs)) << "log-probabilities, " << what;
  ASSERT_TRUE(same_bits(a.entropies, b.entropies)) << "entropies, " << what;
  ASSERT_TRUE(same_bits(a.dhidden, b.dhidden)) << "gradient of the hidden states, " << what;
  ASSERT_TRUE(same_bits(a.dweight, b.dweight)) << "gradient of the head, " << what;
}

template <class Structure>
class HeadTiles : public testing::Test {
 protected:
  ~HeadTiles() override { set_threads(2); }
};
using Tested = testing::Types<structure::Gpt2, structure::Opt350m, structure::Llama,
                              structure::Qwen2, structure::Qwen3, structure::Gemma2>;
TYPED_TEST_SUITE(HeadTiles, Tested, structure::Names);

TYPED_TEST(HeadTiles, AVocabularyThatNoTileDividesChangesNoBit) {
  std::int64_t tokens = 0;
  for (std::uint64_t round = 0; tokens < law_tokens(60'000, 6); ++round) {
    const std::string where = "round " + std::to_string(round);
    RandomStream stream({.seed = 8, .sequence = round});
    model::Config config = config_of<TypeParam>();
    // From 97 to 112, of which the last alone is whole tiles.
    config.vocab = 97 + static_cast<std::int64_t>(5 * round % 16);
    model::Decoder<typename TypeParam::Family> decoder{config};
    decoder.randomise(round, 0.3f);
    randomise_vectors(decoder);
    const Forest forest = random_forest(stream, 30, config.vocab);
    tokens += forest.size();
    const std::int64_t states = forest.size(), dim = decoder.width();
    const std::vector<float> hidden = hidden_of(decoder, forest);
    const train::HeadRows rows = train::all_rows(forest);
    kernel::HeadShape shape{.rows = rows.size(),
                            .dim = dim,
                            .vocab = config.vocab,
                            .temperature = round % 2 == 0 ? 1.0f : 0.7f,
                            .softcap = config.final_softcap};
    set_threads(1);
    const Head want = head_of(shape, hidden, decoder.head().value(), rows);
    for (int threads = 1; threads <= 4; ++threads) {
      set_threads(threads);
      const auto scored =
          train::score(decoder, forest, rows, {.temperature = shape.temperature}, true);
      ASSERT_TRUE(same_bits(scored.logprobs, want.logprobs)) << where;
      ASSERT_TRUE(same_bits(scored.entropies, want.entropies)) << where;
      // Blocks of 16 rows, of 16 for each thread, of as many as usual.
      for (const std::int64_t bytes :
           {std::int64_t{1}, threads * 16 * 64 * kernel::panel_count(config.vocab),
            shape.block_bytes}) {
        kernel::HeadShape cut = shape;
        cut.block_bytes = bytes;
        expect_same(head_of(cut, hidden, decoder.head().value(), rows), want,
                    where + ", " + std::to_string(threads) + " threads, blocks of " +
                        std::to_string(bytes) + " bytes");
        if (this->HasFatalFailure()) return;
      }
    }

    // The same vocabulary filled up to whole tiles with tokens that cannot occur: to their logits,
    // and to theirs alone, one more column adds -1000.
    const std::int64_t whole = kernel::panel_count(config.vocab) * 16 + 16;
    std::vector<float> matrix(static_cast<std::size_t>(config.vocab * dim));
    decoder.head().to_file(matrix);
    kernel::HeadShape filled = shape;
    shape.softcap = filled.softcap = 0.0f;
    filled.dim = dim + 1;
    filled.vocab = whole;
    const Head plain = head_of(shape, hidden, decoder.head().value(), rows);
    Head found = head_of(filled, widened(hidden, dim, states, 1.0f, 1.0f),
                         packed(widened(matrix, dim, whole, 0.0f, -1000.0f), whole, dim + 1), rows);
    found.dhidden = corner(found.dhidden, dim + 1, states, dim);
    found.dweight =
        packed(corner(unpacked(found.dweight, whole, dim + 1), dim + 1, config.vocab, dim),
               config.vocab, dim);
    expect_same(found, plain, where + ", filled up");
    if (this->HasFatalFailure()) return;
  }
  report_law_tokens(tokens);
}

}  // namespace
