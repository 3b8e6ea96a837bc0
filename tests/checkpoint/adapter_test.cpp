#include "hone/checkpoint/adapter.hpp"

#include "tiny_llama.hpp"

namespace {

using namespace checkpoint_test;

TEST(LoadAdapter, AnAdapterThatDoesNotFitLeavesTheModelAsItWas) {
  hone::model::Decoder<hone::model::Llama> decoder{tiny_llama()};
  decoder.randomise(1);
  decoder.train_from_layer(0);
  const auto version = decoder.version();
  const std::string q = "base_model.model.model.layers.0.self_attn.q_proj.";
  const std::string up = "base_model.model.model.layers.0.mlp.up_proj.";
  const std::vector<Claim> fine = {{q + "lora_A.weight", {2, 8}},
                                   {q + "lora_B.weight", {8, 2}},
                                   {up + "lora_A.weight", {2, 8}},
                                   {up + "lora_B.weight", {16, 2}},
                                   {"base_model.model.score.weight", {1, 8}}};
  const auto attempt = [&](std::size_t changed, const Claim& to) {
    const Scratch scratch;
    put(scratch / "adapter_config.json",
        R"({"peft_type": "LORA", "r": 2, "modules_to_save": ["score"]})");
    auto tensors = fine;
    tensors[changed].shape = to.shape;
    tensors[changed].dtype = to.dtype;
    put_tensors(scratch / "adapter_model.safetensors", tensors);
    return error_of([&] { load_adapter(decoder, PeftFolder(scratch.path())); });
  };
  const auto adapters = [&] {
    int count = 0;
    hone::model::for_each_adapter_parameter(decoder, [&](const auto&) { ++count; });
    return count;
  };
  const auto holds = [](const std::string& said, const std::string& part) {
    EXPECT_NE(said.find(part), std::string::npos) << said;
  };
  holds(attempt(0, {"", {2, 0}}), "q_proj.lora_A.weight\" has shape [2, 0], expected [2, 8]");
  holds(attempt(1, {"", {0, 2}}), "q_proj.lora_B.weight\" has shape [0, 2], expected [8, 2]");
  holds(attempt(3, {"", {8, 2}}), "up_proj.lora_B.weight\" has shape [8, 2], expected [16, 2]");
  holds(attempt(3, {"", {16, 2}, "I8"}), "up_proj.lora_B.weight\" has dtype I8, expected F32");
  EXPECT_EQ(adapters(), 0);
  EXPECT_EQ(decoder.version(), version);
  decoder.for_each_parameter([](const auto& p) { EXPECT_TRUE(p.trainable()) << p.name(); });

  EXPECT_EQ(attempt(4, fine[4]), "");
  EXPECT_EQ(adapters(), 4);
  EXPECT_GT(decoder.version(), version);
}

}  // namespace
