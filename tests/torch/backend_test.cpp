// The same Decoder template on LibTorch: what the Native backend's values and gradients are
// compared with, structure by structure, over forests that share prefixes.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "../support/structures.hpp"
#include "hone/core/random.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "hone/model/torch/backend.hpp"

namespace {

using namespace hone;
using namespace hone::test;

Forest branching() {
  RandomStream stream({.seed = 5});
  auto tokens = [&](std::size_t n) {
    std::vector<Token> out(n);
    for (Token& t : out) t = static_cast<Token>(stream.below(101));
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

template <class Structure>
class TorchBackend : public testing::Test {
 protected:
  using Family = typename Structure::Family;

  TorchBackend() {
    randomise(native);
    randomise(torch);
    for (std::size_t i = 0; i < slope.size(); ++i)
      slope[i] = uniform({.seed = 2, .sequence = i}) - 0.5f;
  }

  // The same low-rank adapters on both, that learn like all other parameters.
  void attach_adapters() {
    const auto attach = [](auto& decoder) {
      model::attach(decoder, {.rank = 3, .alpha = 5.0f, .seed = 4});
      model::for_each_adapter_parameter(decoder, [](auto& p) { p.randomise(5, 0.3f); });
      decoder.touch();
    };
    attach(native);
    attach(torch);
  }

  // Values and gradients of sum(hidden * slope) by both backends.
  void compare(const model::PassOptions& options) {
    SCOPED_TRACE(std::string("checkpoint ") + (options.checkpoint ? "on" : "off") + ", adapters " +
                 (options.adapters ? "on" : "off"));
    for_each(native, [](auto& p) { learn_anew(p); });
    for_each(torch, [](auto& p) { learn_anew(p); });
    model::Native::Pass native_pass(options);
    const model::Tensor h = native.run(native_pass, forest);
    std::copy(slope.begin(), slope.end(), h.gradient());
    native_pass.backward();
    const std::vector<float> values(h.data(), h.data() + slope.size());
    std::map<std::string, std::vector<float>> gradients;
    for_each(native, [&](model::Parameter& p) {
      gradients[p.name()].resize(static_cast<std::size_t>(p.count()));
      p.gradient_to_file(gradients[p.name()]);
    });

    model::Torch::Pass pass(options);
    const at::Tensor out = torch.run(pass, forest);
    const at::Tensor flat = out.detach().contiguous();
    EXPECT_LE(distance(values, {flat.data_ptr<float>(), flat.data_ptr<float>() + slope.size()}),
              2e-5);
    out.backward(at::from_blob(slope.data(), {forest.size(), native.width()}));
    for_each(torch, [&](const model::TorchParameter& p) {
      // A key's bias moves all scores of a query alike: zero but for rounding, without rotary.
      if (Family::traits.positions == model::Positions::learned &&
          p.name().ends_with("k_proj.bias"))
        return;
      if (p.name() == "lm_head.weight") return;  // the head is not part of this pass
      if (!options.adapters && p.name().find(".lora_") != std::string::npos) {
        EXPECT_FALSE(p.tensor().grad().defined()) << p.name();
        EXPECT_EQ(distance(gradients[p.name()], std::vector<float>(gradients[p.name()].size())), 0)
            << p.name();
        return;
      }
      std::vector<float> g(static_cast<std::size_t>(p.count()));
      p.gradient_to_file(g);
      EXPECT_LE(distance(gradients[p.name()], g), 1e-4) << p.name();
    });
  }

  const Forest forest = branching();
  model::Decoder<Family> native{config_of<Structure>()};
  model::Decoder<Family, model::Torch> torch{config_of<Structure>()};
  std::vector<float> slope =
      std::vector<float>(static_cast<std::size_t>(forest.size() * native.width()));

 private:
  template <class Decoder>
  static void randomise(Decoder& decoder) {
    decoder.randomise(1, 0.3f);
    randomise_vectors(decoder);
  }
  template <class Decoder, class F>
  static void for_each(Decoder& decoder, F&& f) {
    decoder.for_each_parameter(f);
    model::for_each_adapter_parameter(decoder, f);
  }
  template <class P>
  static void learn_anew(P& p) {
    p.set_trainable(true);
    p.zero_gradient();
  }
};

using Tested =
    testing::Types<structure::Gpt2, structure::Opt, structure::Opt350m, structure::Llama,
                   structure::LlamaWithBiases, structure::ScaledLlama, structure::Mistral,
                   structure::Qwen2, structure::Qwen3, structure::Gemma2>;
TYPED_TEST_SUITE(TorchBackend, Tested, structure::Names);

TYPED_TEST(TorchBackend, EqualsNativeInValuesAndGradients) {
  for (const bool checkpoint : {false, true})
    this->compare({.record = true, .checkpoint = checkpoint});
}

TYPED_TEST(TorchBackend, EqualsNativeWithAdaptersOnAndOff) {
  this->attach_adapters();
  for (const bool adapters : {true, false}) this->compare({.record = true, .adapters = adapters});
}

}  // namespace
