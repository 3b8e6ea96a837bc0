// The same Decoder template on LibTorch: what the Native backend's values and gradients are
// compared with, family by family, over forests that share prefixes.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/torch/backend.hpp"

namespace {

using namespace hone;

model::Config config_of(model::FamilyId family) {
  model::Config c{
      .family = family,
      .vocab = 67,
      .hidden = 24,
      .layers = 2,
      .heads = 4,
      .kv_heads = family == model::FamilyId::gpt2 || family == model::FamilyId::opt ? 4 : 2,
      .head_dim = 6,
      .mlp = 40,
      .max_positions = 128,
      .embed_dim = 24};
  if (family == model::FamilyId::gpt2) c.activation = model::Activation::gelu_tanh;
  if (family == model::FamilyId::opt) {
    c.activation = model::Activation::relu;
    c.attention_bias = c.mlp_bias = true;
  }
  if (family == model::FamilyId::gemma2) {
    c.activation = model::Activation::gelu_tanh;
    c.attention_softcap = 5.0f;
    c.sliding_window = 7;
    c.window_every = 2;
  }
  if (family == model::FamilyId::mistral) c.sliding_window = 5;
  return c;
}

// Biases and norm weights away from the zeros and ones that they begin with.
template <class Decoder>
void randomise_vectors(Decoder& decoder) {
  std::uint64_t index = 0;
  decoder.for_each_parameter([&](auto& p) {
    ++index;
    if (p.file_shape().size() != 1) return;
    std::vector<float> values(static_cast<std::size_t>(p.count()));
    p.to_file(values);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += 0.4f * (uniform({.seed = 3, .step = index, .sequence = i}) - 0.5f);
    p.from_file(values);
  });
}

Forest branching() {
  RandomStream stream({.seed = 5});
  auto tokens = [&](std::size_t n) {
    std::vector<Token> out(n);
    for (Token& t : out) t = static_cast<Token>(stream.below(67));
    return out;
  };
  Forest f;
  auto root = f.add_root(tokens(9));
  auto child = f.add_child(root, tokens(7));
  f.add_child(root, tokens(4));
  f.add_child(child, tokens(5));
  f.add_child(child, tokens(0));
  f.add_root(tokens(13));
  return f;
}

// max |a - b| / max |b|.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double difference = 0, largest = 1e-6;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference =
        std::max(difference, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    largest = std::max(largest, std::fabs(static_cast<double>(b[i])));
  }
  return difference / largest;
}

template <class Family>
class TorchBackend : public testing::Test {};
using Families = testing::Types<model::Gpt2, model::Opt, model::Llama, model::Mistral, model::Qwen2,
                                model::Qwen3, model::Gemma2>;
TYPED_TEST_SUITE(TorchBackend, Families);

TYPED_TEST(TorchBackend, EqualsNativeInValuesAndGradients) {
  const model::Config config = config_of(TypeParam::traits.id);
  const Forest forest = branching();
  model::Decoder<TypeParam> native{config};
  model::Decoder<TypeParam, model::Torch> torch{config};
  native.randomise(1, 0.3f);
  torch.randomise(1, 0.3f);
  randomise_vectors(native);
  randomise_vectors(torch);
  const std::int64_t n = forest.size() * native.width();
  std::vector<float> slope(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < slope.size(); ++i)
    slope[i] = uniform({.seed = 2, .sequence = i}) - 0.5f;

  native.train_from_layer(0);
  model::Native::Pass native_pass({.record = true});
  const model::Tensor h = native.run(native_pass, forest);
  std::copy(slope.begin(), slope.end(), h.gradient());
  native_pass.backward();
  const std::vector<float> values(h.data(), h.data() + n);
  std::map<std::string, std::vector<float>> gradients;
  native.for_each_parameter([&](model::Parameter& p) {
    gradients[p.name()].resize(static_cast<std::size_t>(p.count()));
    p.gradient_to_file(gradients[p.name()]);
  });

  for (const bool checkpoint : {false, true}) {
    torch.for_each_parameter([](model::TorchParameter& p) {
      p.set_trainable(true);
      p.zero_gradient();
    });
    model::Torch::Pass pass({.record = true, .checkpoint = checkpoint});
    const at::Tensor out = torch.run(pass, forest);
    const at::Tensor flat = out.detach().contiguous();
    EXPECT_LE(distance(values, {flat.data_ptr<float>(), flat.data_ptr<float>() + n}), 2e-5);
    out.backward(at::from_blob(slope.data(), {forest.size(), native.width()}));
    torch.for_each_parameter([&](const model::TorchParameter& p) {
      // A key's bias moves all scores of a query alike: zero but for rounding, without rotary.
      if (TypeParam::traits.positions == model::Positions::learned &&
          p.name().ends_with("k_proj.bias"))
        return;
      if (p.name() == "lm_head.weight") return;  // the head is not part of this pass
      std::vector<float> g(static_cast<std::size_t>(p.count()));
      p.gradient_to_file(g);
      EXPECT_LE(distance(gradients[p.name()], g), 1e-4)
          << p.name() << ", checkpoint " << checkpoint;
    });
  }
}

}  // namespace
