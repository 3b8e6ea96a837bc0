#include "hone/model/lora.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "hone/model/decoder.hpp"

namespace {

using namespace hone::model;

Decoder<Llama> small_llama() {
  Decoder<Llama> out{{.vocab = 3,
                      .hidden = 8,
                      .layers = 1,
                      .heads = 2,
                      .kv_heads = 1,
                      .head_dim = 4,
                      .mlp = 16,
                      .max_positions = 32,
                      .embed_dim = 8}};
  out.train_from_layer(0);
  return out;
}

// A misspelt target beside right ones would be learnt without, in silence.
TEST(Attach, RefusesATargetThatNamesNoLayerAndLeavesTheModelAsItWas) {
  Decoder<Llama> decoder = small_llama();
  const auto version = decoder.version();
  const auto refusal = [&](std::vector<std::string> targets) -> std::string {
    try {
      attach(decoder, {.rank = 2, .targets = std::move(targets)});
    } catch (const hone::Error& e) {
      return e.what();
    }
    return "";
  };
  const std::string expected =
      "Lora: target \"query\" names no linear layer of this model, expected one of q_proj, k_proj, "
      "v_proj, o_proj, gate_proj, up_proj, down_proj";
  EXPECT_EQ(refusal({"q_proj", "query", "v_proj"}), expected);
  EXPECT_EQ(refusal({"query"}), expected);
  EXPECT_NE(refusal({"proj"}), "") << "a part of a component is none";
  EXPECT_EQ(decoder.version(), version);
  decoder.for_each_linear(
      [](const auto& linear) { EXPECT_FALSE(linear.adapter) << linear.module; });
  decoder.for_each_parameter([](const Parameter& p) { EXPECT_TRUE(p.trainable()) << p.name(); });
  EXPECT_EQ(refusal({"q_proj", "self_attn.v_proj", "model.layers.0.mlp.up_proj"}), "");
  int adapted = 0;
  decoder.for_each_linear([&](const auto& linear) { adapted += linear.adapter.has_value(); });
  EXPECT_EQ(adapted, 3);
}

// What was computed at a version is used as long as the version stays.
TEST(Merged, EveryChangeOfTheWeightsIsANewVersion) {
  Decoder<Llama> decoder = small_llama();
  attach(decoder, {.rank = 2});
  auto version = decoder.version();
  const auto changed = [&] {
    const auto before = version;
    version = decoder.version();
    return version > before;
  };
  {
    Merged merged{decoder};
    EXPECT_TRUE(changed()) << "merged";
  }
  EXPECT_TRUE(changed()) << "unmerged";
  Merged merged{decoder};
  EXPECT_TRUE(changed()) << "merged again";
  merged.keep();
  EXPECT_TRUE(changed()) << "kept: with adapters on, passes compute something else than before";
  EXPECT_FALSE(changed());
}

}  // namespace
