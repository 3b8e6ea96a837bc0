#include "hone/checkpoint/hf_config.hpp"

#include "expected_config.hpp"
#include "hone/checkpoint/hf_config_write.hpp"
#include "support.hpp"

namespace {

using namespace checkpoint_test;

HfConfig parse(const std::string& text) { return parse_hf_config(text, "config.json"); }

// A small model of this type with further fields.
std::string with(const std::string& type, const std::string& fields) {
  return R"({"model_type": ")" + type +
         R"(", "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
             "num_hidden_layers": 4)" +
         (fields.empty() ? "" : ", " + fields) + "}";
}

TEST(HfConfig, EveryFamilyAndSpellingReadsAsInTransformers) {
  HONE_GOLDENS(golden, goldens);
  for (const auto& [kind, suffix] :
       {std::pair("configs", ".json"), std::pair("folders", "/config.json")}) {
    const Json answers = read_json(golden / (std::string(kind) + ".json"));
    EXPECT_GT(answers.size(), 15u);
    for (const auto& [name, answer] : answers.items()) {
      SCOPED_TRACE(std::string(kind) + "/" + name);
      const HfConfig config = read_hf_config(golden / kind / (name + suffix));
      expect_config(config.model, answer);
      EXPECT_EQ(config.eos, answer.at("eos").get<std::vector<std::int64_t>>());
      EXPECT_EQ(torch_name_of(config.dtype), answer.at("dtype").get<std::string>());
      EXPECT_EQ(parse(hf_config_text(config)).model, config.model) << hf_config_text(config);
      EXPECT_EQ(parse(hf_config_text(config)).eos, config.eos);
    }
  }
}

TEST(HfConfig, WritesBothSpellings) {
  const Json j = hf_config_json(parse(with("llama", R"("rope_theta": 500000.0, "dtype": "bfloat16",
      "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                       "high_freq_factor": 4.0, "original_max_position_embeddings": 8192})")));
  EXPECT_EQ(j["dtype"], "bfloat16");
  EXPECT_EQ(j["torch_dtype"], "bfloat16");
  EXPECT_EQ(j["rope_theta"], 500000.0);
  EXPECT_EQ(j["rope_scaling"]["rope_type"], "llama3");
  EXPECT_EQ(j["rope_parameters"]["rope_type"], "llama3");
  EXPECT_EQ(j["rope_parameters"]["rope_theta"], 500000.0);
  EXPECT_EQ(j["rope_parameters"]["original_max_position_embeddings"], 8192);
  EXPECT_EQ(j["architectures"][0], "LlamaForCausalLM");
  EXPECT_EQ(hf_config_json(parse(with("llama", "")))["rms_norm_eps"].dump(), "1e-06");
}

TEST(HfConfig, AHeadForClassificationIsSaid) {
  HfConfig config = parse(with("qwen2", ""));
  EXPECT_EQ(config.labels, 0);
  config.labels = 1;
  const Json j = hf_config_json(config);
  EXPECT_EQ(j["architectures"][0], "Qwen2ForSequenceClassification");
  EXPECT_EQ(j["id2label"]["0"], "LABEL_0");
  EXPECT_EQ(j["label2id"]["LABEL_0"], 0);
  EXPECT_EQ(hf_config_from_json(j, "again").labels, 1);
}

TEST(HfConfig, RefusesWhatHoneDoesNotHave) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"model_type": "mamba"})", "field \"model_type\" is \"mamba\", expected gpt2, opt"},
      {R"({})", "field \"model_type\" is \"\", expected"},
      {R"([])", "is array, expected a JSON object"},
      {with("llama", R"("rope_scaling": {"type": "yarn", "factor": 2.0})"),
       "field \"rope_scaling\": field \"rope_type\" is \"yarn\", expected \"default\" or "
       "\"llama3\""},
      {with("llama", R"("rope_scaling": {"type": "linear", "factor": 2.0})"), "is \"linear\""},
      {with("llama", R"("rope_parameters": {"rope_type": "dynamic"})"),
       "field \"rope_parameters\": field \"rope_type\" is \"dynamic\""},
      {with("llama", R"("rope_scaling": {"rope_type": "llama3", "factor": 2.0})"),
       "field \"low_freq_factor\" is missing or not positive"},
      {with("llama", R"("rope_scaling": {"rope_type": "llama3", "factor": 2, "low_freq_factor": 4,
                         "high_freq_factor": 1})"),
       "is not below high_freq_factor"},
      {with("llama", R"("rope_scaling": 3)"), "field \"rope_scaling\": is number, expected"},
      {with("llama", R"("partial_rotary_factor": 0.5)"),
       "field \"partial_rotary_factor\" is not 1"},
      {with("gemma2", R"("rope_parameters": {"full_attention": {"rope_theta": 1e4},
                          "sliding_attention": {"rope_theta": 1e6}})"),
       "differs between types of layers"},
      {with("llama", R"("quantization_config": {"bits": 4})"),
       "field \"quantization_config\" is set"},
      {with("llama", R"("hidden_act": "mish")"), "field \"hidden_act\" is \"mish\", expected relu"},
      {with("llama", R"("dtype": "float64")"), "field \"dtype\" is \"float64\""},
      {with("llama", R"("hidden_size": "64")"), ""},
      {with("llama", R"("vocab_size": -5)"), "vocab_size is -5, expected a positive number"},
      {with("llama", R"("vocab_size": 1e30)"), "field \"vocab_size\" is 1e+30"},
      {with("llama", R"("vocab_size": 9000000000000)"),
       "vocab_size is 9000000000000, expected at most"},
      {R"({"model_type": "gpt2", "n_embd": 4000000000000000000, "n_head": 1})",
       "of 1 heads and 4000000000000000000 hidden numbers, expected"},
      {with("llama", R"("num_attention_heads": 16777216, "num_key_value_heads": 1,
                        "head_dim": 16777216)"),
       "num_attention_heads is 16777216 and head_dim 16777216, expected a product of at most"},
      {with("llama", R"("num_key_value_heads": 4000000000000000000)"),
       "num_key_value_heads is 4000000000000000000, expected at most"},
      {with("llama", R"("num_hidden_layers": 99999999999)"), ""},
      {with("llama", R"("num_attention_heads": 0)"), ""},
      {with("llama", R"("rms_norm_eps": -1)"), "the norm's epsilon is -1"},
      {with("llama", R"("layer_types": ["sliding_attention", "full_attention", "full_attention",
                         "full_attention"])"),
       "has sliding layers, but there is no sliding window"},
      {with("mistral",
            R"("layer_types": ["sliding_attention", "full_attention", "sliding_attention",
                           "full_attention"])"),
       "which Mistral does not"},
      {with("qwen2", R"("layer_types": ["sliding_attention"])"), "has 1 elements, expected 4"},
      {with("qwen2", R"("use_sliding_window": true, "layer_types": ["chunked_attention",
                         "full_attention", "full_attention", "full_attention"])"),
       "field \"layer_types\" has \"chunked_attention\""},
      {with("qwen2", R"("use_sliding_window": true, "layer_types": ["sliding_attention",
                         "sliding_attention", "full_attention", "sliding_attention"])"),
       "on no regular pattern of layers"},
      {with("gemma2", R"("use_bidirectional_attention": true)"),
       "field \"use_bidirectional_attention\" is true"},
      {with("gemma2", R"("query_pre_attn_scalar": 0)"), "is 0, expected above 0"},
      {R"({"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": true})",
       "field \"scale_attn_by_inverse_layer_idx\" is true, which is not supported"},
      {R"({"model_type": "gpt2", "n_head": 7})", "expected a multiple of the 7 heads"},
      {R"({"model_type": "opt", "layer_norm_elementwise_affine": false})",
       "field \"layer_norm_elementwise_affine\" is false"},
  };
  for (const auto& [text, part] : cases) {
    const std::string said = error_of([&] { parse(text); });
    EXPECT_EQ(said.find("config.json"), 0u) << text << "\nsaid: " << said;
    EXPECT_NE(said.find(part), std::string::npos)
        << text << "\nsaid: " << said << "\nexpected: " << part;
  }
}

TEST(HfConfig, RefusesToWriteWhatTransformersCannotLoad) {
  HfConfig config = parse(with("mistral", ""));
  config.model.window_every = 2;
  EXPECT_ERROR(hf_config_json(config), "a Mistral with a sliding window on some layers");
  config = parse(with("llama", ""));
  config.model.sliding_window = 8;
  EXPECT_ERROR(hf_config_json(config), "a Llama with a sliding window");
  config = parse(with("gemma2", ""));
  config.model.query_scale = 0.3f;
  EXPECT_ERROR(hf_config_json(config), "query_pre_attn_scalar would be 11.1");
}

}  // namespace
