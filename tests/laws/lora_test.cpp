// Law 16: merging and unmerging LoRA restores the weights, every bit of them; and while they are
// merged the model computes what it computes with its adapters.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "../support/small_model.hpp"

namespace {

using namespace hone;
using namespace hone::test;

std::vector<float> states(Llama& decoder, const Forest& forest, bool adapters) {
  model::Native::Pass pass({.adapters = adapters});
  const model::Tensor h = decoder.run(pass, forest);
  return {h.data(), h.data() + h.rows() * h.cols()};
}

std::vector<std::uint32_t> bits(const std::vector<float>& x) {
  std::vector<std::uint32_t> out;
  for (const float v : x) out.push_back(std::bit_cast<std::uint32_t>(v));
  return out;
}

double farthest(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return most;
}

TEST(LoraLaws, MergingAndUnmergingRestoresTheWeights) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Llama decoder{small()};
    decoder.randomise(seed, 0.2f);
    model::attach(decoder,
                  {.rank = 1 + static_cast<std::int64_t>(seed % 5), .alpha = 8.0f, .seed = seed});
    model::for_each_adapter_parameter(decoder,
                                      [&](model::Parameter& p) { p.randomise(seed, 0.1f); });
    // Signed zeros, and weights that a sum with the adapter rounds away.
    decoder.for_each_parameter([](model::Parameter& p) {
      for (std::size_t i = 0; i < p.value().size(); i += 7)
        p.value()[i] = i % 2 == 0 ? -0.0f : 1e-30f;
    });
    decoder.touch();
    const Forest forest = batch(0, 4, 2).forest;
    const auto weights = bits(weights_of(decoder));
    const auto with = states(decoder, forest, true), without = states(decoder, forest, false);
    const double effect = farthest(with, without);
    ASSERT_GT(effect, 0.01) << "the adapters do nothing";
    {
      model::Merged merged{decoder};
      EXPECT_NE(bits(weights_of(decoder)), weights);
      EXPECT_LT(farthest(states(decoder, forest, false), with), 1e-3 * effect) << "seed " << seed;
    }
    EXPECT_EQ(bits(weights_of(decoder)), weights) << "seed " << seed;
    EXPECT_EQ(bits(states(decoder, forest, true)), bits(with)) << "seed " << seed;
    EXPECT_EQ(bits(states(decoder, forest, false)), bits(without)) << "seed " << seed;
  }
}

}  // namespace
