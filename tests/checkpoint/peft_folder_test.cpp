#include "hone/checkpoint/peft_folder.hpp"

#include "support.hpp"

namespace {

using namespace checkpoint_test;

PeftConfig parse(const std::string& text) { return parse_peft_config(text, "adapter_config.json"); }

TEST(PeftFolder, ReadsWhatPeftWrote) {
  HONE_GOLDENS(golden, goldens);
  const PeftFolder llama(golden / "adapters/llama");
  EXPECT_EQ(llama.config().r, 4);
  EXPECT_EQ(llama.config().scaling(), 3.0);
  EXPECT_EQ(llama.config().task, "CAUSAL_LM");
  EXPECT_EQ(llama.modules().size(), 6u);
  EXPECT_EQ(llama.shape("base_model.model.model.layers.1.mlp.down_proj.lora_A.weight"),
            (Shape{4, 96}));
  EXPECT_EQ(llama.shape("model.layers.1.mlp.down_proj.lora_B.weight"), (Shape{64, 4}));
  for (const std::string& module : llama.modules())
    EXPECT_TRUE(llama.has(module + ".lora_A.weight")) << module;

  const PeftFolder stabilised(golden / "adapters/llama-rs");
  EXPECT_TRUE(stabilised.config().use_rslora);
  EXPECT_EQ(stabilised.config().scaling(), 6.0);
  EXPECT_EQ(stabilised.modules().size(), 14u);

  const PeftFolder pattern(golden / "adapters/llama-pattern");
  EXPECT_EQ(pattern.modules(), (std::vector<std::string>{"model.layers.1.self_attn.k_proj",
                                                         "model.layers.1.self_attn.q_proj"}));
  EXPECT_EQ(pattern.config().target_modules,
            (std::vector<std::string>{"self_attn.k_proj", "self_attn.q_proj"}));

  const PeftFolder reward(golden / "adapters/llama-reward");
  EXPECT_EQ(reward.config().modules_to_save, (std::vector<std::string>{"classifier", "score"}));
  EXPECT_EQ(reward.shape("score.weight"), (Shape{1, 64}));

  const PeftFolder gpt2(golden / "adapters/gpt2");
  EXPECT_TRUE(gpt2.config().fan_in_fan_out);
  EXPECT_EQ(gpt2.shape("transformer.h.0.attn.c_attn.lora_A.weight"), (Shape{4, 64}));
  EXPECT_EQ(gpt2.shape("transformer.h.0.attn.c_attn.lora_B.weight"), (Shape{192, 4}));

  EXPECT_ERROR(PeftFolder(golden / "adapters/dora"),
               "adapter_config.json: field \"use_dora\" is set");
}

TEST(PeftConfig, RefusesWhatHoneDoesNotHave) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"peft_type": "PREFIX_TUNING"})", "field \"peft_type\" is \"PREFIX_TUNING\""},
      {R"({})", "field \"peft_type\" is \"\""},
      {R"({"peft_type": "LORA", "bias": "all"})", "field \"bias\" is \"all\", expected \"none\""},
      {R"({"peft_type": "LORA", "use_dora": true})", "field \"use_dora\" is set"},
      {R"({"peft_type": "LORA", "rank_pattern": {"q_proj": 3}})", "field \"rank_pattern\" is set"},
      {R"({"peft_type": "LORA", "alpha_pattern": {"q_proj": 3}})",
       "field \"alpha_pattern\" is set"},
      {R"({"peft_type": "LORA", "layers_to_transform": [0, 1]})",
       "field \"layers_to_transform\" is set"},
      {R"({"peft_type": "LORA", "lora_bias": true})", "field \"lora_bias\" is set"},
      {R"({"peft_type": "LORA", "init_lora_weights": "pissa_niter_4"})",
       "changes the base model's weights"},
      {R"({"peft_type": "LORA", "invented_next_year": 3})", "field \"invented_next_year\" is set"},
      {R"({"peft_type": "LORA", "r": 0})", "is 0, expected a positive rank"},
      {R"({"peft_type": "LORA", "r": "x"})", "field \"r\" is \"x\", expected a whole number"},
  };
  for (const auto& [text, part] : cases) {
    const std::string said = error_of([&] { parse(text); });
    EXPECT_EQ(said.find("adapter_config.json"), 0u) << said;
    EXPECT_NE(said.find(part), std::string::npos) << text << "\nsaid: " << said;
  }
  EXPECT_EQ(parse(R"({"peft_type": "LORA", "init_lora_weights": "gaussian", "eva_config": null,
                      "rank_pattern": {}, "use_dora": false, "layers_pattern": []})")
                .r,
            8);
}

TEST(PeftFolder, RefusesTensorsThatDoNotFit) {
  const auto with = [](const std::vector<TensorSpec>& tensors) {
    const Scratch scratch;
    put(scratch / "adapter_config.json",
        R"({"peft_type": "LORA", "r": 2, "modules_to_save": ["score"]})");
    {
      SafetensorsWriter file(scratch / "adapter_model.safetensors", tensors);
      for (const TensorSpec& t : tensors)
        file.write(t.name, std::vector<float>(static_cast<std::size_t>(count_of(t.shape))));
      file.commit();
    }
    return error_of([&] { PeftFolder folder(scratch.path()); });
  };
  const std::string m = "base_model.model.model.layers.0.mlp.up_proj.";
  const TensorSpec a{m + "lora_A.weight", {2, 3}}, b{m + "lora_B.weight", {5, 2}};
  EXPECT_EQ(with({a, b}), "");
  EXPECT_EQ(with({a, b, {"base_model.model.score.weight", {1, 3}}}), "");
  EXPECT_NE(with({a}).find("lora_B.weight\" is missing"), std::string::npos) << with({a});
  EXPECT_NE(with({b}).find("lora_A.weight\" is missing"), std::string::npos);
  EXPECT_NE(with({a, {m + "lora_B.weight", {5, 3}}}).find("has shape [5, 3], expected rank 2"),
            std::string::npos);
  EXPECT_NE(with({a, b, {m + "lora_magnitude_vector", {5}}}).find("is neither lora_A nor lora_B"),
            std::string::npos);
  EXPECT_NE(with({a, b, {"other.weight", {5}}})
                .find("expected a name that begins with base_model.model."),
            std::string::npos);
  EXPECT_NE(with({}).find("adapts no module"), std::string::npos);
}

TEST(PeftFolder, SaysWhatAFolderLacks) {
  const Scratch scratch;
  EXPECT_ERROR(PeftFolder(scratch.path()), "adapter_config.json: cannot be opened");
  put(scratch / "adapter_config.json", R"({"peft_type": "LORA"})");
  EXPECT_ERROR(PeftFolder(scratch.path()), "holds neither adapter_model.safetensors");
  put(scratch / "adapter_model.bin", "x");
  EXPECT_ERROR(PeftFolder(scratch.path()), "holds adapter_model.bin, which hone does not read");
}

TEST(PeftFolderWriter, WhatIsWrittenIsReadBack) {
  const Scratch scratch;
  const std::vector<ExpectedTensor> tensors = {
      {"base_model.model.model.layers.0.mlp.up_proj.lora_A.weight", {2, 3}},
      {"model.layers.0.mlp.up_proj.lora_B.weight", {5, 2}},
      {"score.weight", {1, 3}}};
  PeftConfig config{.r = 2,
                    .alpha = 3,
                    .use_rslora = true,
                    .modules_to_save = {"score"},
                    .base_model = "base",
                    .task = "SEQ_CLS"};
  PeftFolderWriter writer(scratch / "adapter", config, tensors);
  float next = 1;
  for (const ExpectedTensor& t : tensors) {
    std::vector<float> values(static_cast<std::size_t>(count_of(t.shape)));
    for (float& x : values) x = next++;
    writer.write(t.name, values);
  }
  writer.commit();
  const PeftFolder folder(scratch / "adapter");
  config.target_modules = {"mlp.up_proj"};
  EXPECT_EQ(folder.config(), config);
  EXPECT_EQ(folder.modules(), std::vector<std::string>{"model.layers.0.mlp.up_proj"});
  EXPECT_EQ(values_of(folder, "model.layers.0.mlp.up_proj.lora_B.weight").front(), 7);
  EXPECT_EQ(values_of(folder, "score.weight").back(), 19);
  EXPECT_ERROR(PeftFolderWriter(scratch / "other", config, std::span(tensors).first(1)),
               "is missing");
}

}  // namespace
