// Every family against transformers, on the same tiny random weights in fp32: logits, hidden
// states, log-probabilities, greedy continuations and the gradient of every parameter.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "../support/goldens.hpp"
#include "hone/checkpoint/adapter.hpp"
#include "hone/checkpoint/hf_folder.hpp"
#include "hone/checkpoint/load_model.hpp"
#include "hone/checkpoint/peft_folder.hpp"
#include "hone/checkpoint/safetensors.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "hone/rollout/engine.hpp"

namespace {

using namespace hone;

// The golden's arrays by name.
class Golden {
 public:
  explicit Golden(const std::filesystem::path& file) : file_(file.string()) {}
  std::vector<float> floats(const std::string& name) const {
    const auto shape = file_.shape(name);
    std::vector<float> out(static_cast<std::size_t>(checkpoint::count_of(shape)));
    file_.read(name, shape, out);
    return out;
  }
  std::vector<Token> tokens(const std::string& name) const {
    const std::vector<float> ids = floats(name);
    return {ids.begin(), ids.end()};
  }

 private:
  checkpoint::Safetensors file_;
};

double largest(std::span<const float> v) {
  double m = 0;
  for (float x : v) m = std::max(m, std::fabs(static_cast<double>(x)));
  return m;
}

// max |a - b| / max |b|.
double distance(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  double m = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double d = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    m = std::isnan(d) ? 1e300 : std::max(m, d);
  }
  return m / std::max(largest(b), 1e-30);
}

// |a - b| / |b| in the Euclidean norm.
double relative_error(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  double d = 0, n = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double e = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    d += e * e;
    n += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return n > 0 ? std::sqrt(d / n) : std::sqrt(d);
}

Forest forest_of(const Golden& golden) {
  const std::vector<Token> tokens = golden.tokens("tokens"), lengths = golden.tokens("lengths");
  Forest forest;
  std::size_t begin = 0;
  for (Token n : lengths) {
    forest.add_root(std::span<const Token>(tokens).subspan(begin, static_cast<std::size_t>(n)));
    begin += static_cast<std::size_t>(n);
  }
  return forest;
}

// Logits of all tokens by the plain route: head, then the soft cap.
template <class Decoder>
std::vector<float> logits_of(Decoder& decoder, const model::Tensor& hidden) {
  model::Native::Pass pass;
  model::Tensor z = pass.linear(hidden, decoder.head(), nullptr);
  std::vector<float> out(z.data(), z.data() + z.rows() * z.cols());
  const float cap = decoder.config().final_softcap;
  if (cap > 0)
    for (float& x : out) x = cap * std::tanh(x / cap);
  return out;
}

// Mean next-token loss through the head: log-probabilities [T], and the gradients of the hidden
// states and of the head, by plain double arithmetic.
template <class Decoder>
std::vector<float> loss_gradient(Decoder& decoder, const Forest& forest,
                                 const model::Tensor& hidden) {
  const std::vector<float> logits = logits_of(decoder, hidden);
  const auto vocab = static_cast<std::size_t>(decoder.config().vocab);
  const auto width = static_cast<std::size_t>(decoder.width());
  const float cap = decoder.config().final_softcap;
  std::vector<float> logprobs(static_cast<std::size_t>(forest.size()), 0.0f);
  const double count = static_cast<double>(forest.size() - forest.trees());
  std::vector<float> head(vocab * width), head_gradient(vocab * width, 0.0f);
  decoder.head().to_file(head);
  std::vector<double> dhead(vocab * width, 0.0);
  float* dhidden = hidden.gradient();
  for (std::int32_t s = 0; s < static_cast<std::int32_t>(forest.segments().size()); ++s)
    for (std::int64_t t = forest.segments()[s].begin + 1; t < forest.segments()[s].end(); ++t) {
      const float* z = logits.data() + (t - 1) * static_cast<std::int64_t>(vocab);
      const auto target = static_cast<std::size_t>(forest.tokens()[t]);
      const double top = static_cast<double>(*std::max_element(z, z + vocab));
      double sum = 0;
      for (std::size_t v = 0; v < vocab; ++v) sum += std::exp(static_cast<double>(z[v]) - top);
      logprobs[static_cast<std::size_t>(t)] =
          static_cast<float>(static_cast<double>(z[target]) - top - std::log(sum));
      for (std::size_t v = 0; v < vocab; ++v) {
        double d = (std::exp(static_cast<double>(z[v]) - top) / sum - (v == target)) / count;
        if (cap > 0) d *= 1 - std::pow(static_cast<double>(z[v]) / static_cast<double>(cap), 2);
        for (std::size_t i = 0; i < width; ++i) {
          const auto at = static_cast<std::size_t>(t - 1) * width + i;
          dhidden[at] += static_cast<float>(d * static_cast<double>(head[v * width + i]));
          dhead[v * width + i] += d * static_cast<double>(hidden.data()[at]);
        }
      }
    }
  if (decoder.head().trainable()) {
    // Added through a scratch parameter of the same layout.
    model::Parameter scratch(decoder.head().spec());
    for (std::size_t i = 0; i < dhead.size(); ++i) head_gradient[i] = static_cast<float>(dhead[i]);
    scratch.from_file(head_gradient);
    for (std::size_t i = 0; i < scratch.value().size(); ++i)
      decoder.head().gradient()[i] += scratch.value()[i];
  }
  return logprobs;
}

template <class Family>
void compare(const std::filesystem::path& folder, bool checkpointing) {
  const checkpoint::HfFolder source{folder.string()};
  model::Decoder<Family> decoder{source.config()};
  checkpoint::load(decoder, source);
  const Golden golden{folder / "golden.safetensors"};
  const Forest forest = forest_of(golden);

  decoder.train_from_layer(0);
  std::vector<std::vector<float>> hidden;
  model::Native::Pass pass({.record = true, .checkpoint = checkpointing});
  const model::Tensor out = decoder.run(pass, forest, [&](std::int64_t, const model::Tensor& h) {
    hidden.emplace_back(h.data(), h.data() + h.rows() * h.cols());
  });
  // transformers reports the last hidden state after the final norm and projection.
  hidden.back().assign(out.data(), out.data() + out.rows() * out.cols());
  for (std::size_t i = 0; i < hidden.size(); ++i)
    EXPECT_LE(distance(hidden[i], golden.floats("hidden." + std::to_string(i))), 1e-5)
        << "hidden state " << i;

  const std::vector<float> logits = logits_of(decoder, out), expected = golden.floats("logits");
  EXPECT_LE(distance(logits, expected), 1e-4) << "logits";

  const std::vector<float> logprobs = loss_gradient(decoder, forest, out);
  EXPECT_LE(distance(logprobs, golden.floats("logprobs")), 1e-4) << "log-probabilities";
  pass.backward();
  // Without rotary positions the loss does not depend on a key's bias at all: both sides hold
  // rounding noise there, which is measured against the norm of the whole gradient.
  double whole = 0;
  decoder.for_each_parameter([&](const model::Parameter& p) {
    for (float g : golden.floats("gradient." + p.name()))
      whole += static_cast<double>(g) * static_cast<double>(g);
  });
  whole = std::sqrt(whole);
  int compared = 0;
  decoder.for_each_parameter([&](model::Parameter& p) {
    std::vector<float> g(static_cast<std::size_t>(p.count()));
    p.gradient_to_file(g);
    const std::vector<float> want = golden.floats("gradient." + p.name());
    const bool nothing = p.name().ends_with("k_proj.bias") && largest(want) < 1e-7 * whole;
    if (nothing)
      EXPECT_LE(largest(g), 1e-7 * whole) << p.name();
    else
      EXPECT_LE(relative_error(g, want), 1e-4) << p.name() << ", largest " << largest(want);
    ++compared;
  });
  EXPECT_GT(compared, 20);

  const std::vector<Token> greedy = golden.tokens("greedy");
  const std::vector<Token> first(forest.tokens(0).begin(), forest.tokens(0).end());
  rollout::Engine engine{decoder};
  for (const bool cache : {true, false}) {
    const auto answers =
        engine.generate(std::vector<rollout::Request>{{.prompt = first}},
                        {.sampling = {.temperature = 0},
                         .max_new_tokens = static_cast<std::int32_t>(greedy.size()),
                         .cache = cache});
    EXPECT_EQ(answers[0].tokens, greedy) << "greedy continuation, cache " << cache;
  }
}

class Families : public testing::TestWithParam<const char*> {};

TEST_P(Families, EqualTransformers) {
  HONE_GOLDENS(folder, "families/make.py");
  const std::filesystem::path checkpoint = folder / GetParam();
  model::visit_family(checkpoint::HfFolder{checkpoint.string()}.config().family,
                      [&](auto family) { compare<decltype(family)>(checkpoint, false); });
}

TEST_P(Families, EqualTransformersWhenLayersAreRecomputed) {
  HONE_GOLDENS(folder, "families/make.py");
  const std::filesystem::path checkpoint = folder / GetParam();
  model::visit_family(checkpoint::HfFolder{checkpoint.string()}.config().family,
                      [&](auto family) { compare<decltype(family)>(checkpoint, true); });
}

INSTANTIATE_TEST_SUITE_P(All, Families,
                         testing::Values("gpt2", "opt", "opt-350m", "llama", "llama-untied-bias",
                                         "llama-scaled", "mistral", "qwen2", "qwen3", "gemma2"),
                         [](const auto& family) {
                           std::string name = family.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

template <class Family>
void compare_lora(const std::filesystem::path& base, const std::filesystem::path& adapter) {
  const checkpoint::HfFolder source{base.string()};
  model::Decoder<Family> decoder{source.config()};
  checkpoint::load(decoder, source);
  const checkpoint::PeftFolder peft{adapter.string()};
  checkpoint::load_adapter(decoder, peft);
  const Golden golden{adapter / "golden.safetensors"};
  const Forest forest = forest_of(golden);

  std::vector<float> plain;
  {
    model::Native::Pass pass({.adapters = false});
    plain = logits_of(decoder, decoder.run(pass, forest));
  }
  EXPECT_LE(distance(plain, Golden{base / "golden.safetensors"}.floats("logits")), 1e-4)
      << "adapters off";

  model::Native::Pass pass({.record = true});
  const model::Tensor out = decoder.run(pass, forest);
  const std::vector<float> logits = logits_of(decoder, out);
  EXPECT_LE(distance(logits, golden.floats("logits")), 1e-4) << "adapters on";
  loss_gradient(decoder, forest, out);
  pass.backward();
  int compared = 0;
  model::for_each_adapter_parameter(decoder, [&](model::Parameter& p) {
    std::vector<float> g(static_cast<std::size_t>(p.count()));
    p.gradient_to_file(g);
    EXPECT_LE(relative_error(g, golden.floats("gradient." + p.name())), 1e-4) << p.name();
    ++compared;
  });
  EXPECT_GE(compared, 12);

  // Merged weights compute the same, and unmerging gives the same bits back.
  std::vector<std::vector<float>> before;
  decoder.for_each_parameter(
      [&](const model::Parameter& p) { before.emplace_back(p.value().begin(), p.value().end()); });
  {
    model::Merged merged{decoder};
    model::Native::Pass quiet({.adapters = false});
    EXPECT_LE(distance(logits_of(decoder, decoder.run(quiet, forest)), logits), 1e-5) << "merged";
  }
  std::size_t i = 0;
  decoder.for_each_parameter([&](const model::Parameter& p) {
    EXPECT_TRUE(std::equal(p.value().begin(), p.value().end(), before[i++].begin())) << p.name();
  });
}

TEST(Lora, EqualsPeft) {
  HONE_GOLDENS(folder, "families/make.py");
  compare_lora<model::Llama>(folder / "llama", folder / "llama-lora");
  compare_lora<model::Gpt2>(folder / "gpt2", folder / "gpt2-lora");
}

}  // namespace
