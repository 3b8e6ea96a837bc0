#include "hone/checkpoint/hf_folder.hpp"

#include "expected_config.hpp"
#include "hone/checkpoint/hf_folder_writer.hpp"
#include "support.hpp"

namespace {

using namespace checkpoint_test;

constexpr const char* tiny_gpt2 =
    R"({"model_type": "gpt2", "n_embd": 4, "n_head": 2, "n_layer": 1, "n_positions": 8, "vocab_size": 3})";
constexpr const char* tiny_llama =
    R"({"model_type": "llama", "hidden_size": 4, "num_attention_heads": 2, "num_hidden_layers": 1,
        "intermediate_size": 4, "vocab_size": 3, "tie_word_embeddings": true, "eos_token_id": [2, 1]})";

// A folder with these tensors; each holds `first` and counts on.
struct Tensor {
  std::string name;
  Shape shape;
  float first = 0;
};
fs::path folder(const Scratch& scratch, const std::string& config,
                const std::vector<Tensor>& tensors) {
  const fs::path path = scratch / "model";
  put(path / "config.json", config);
  std::vector<TensorSpec> specs;
  for (const Tensor& t : tensors) specs.push_back({t.name, t.shape});
  SafetensorsWriter file(path / "model.safetensors", specs);
  for (const Tensor& t : tensors) {
    std::vector<float> values(static_cast<std::size_t>(count_of(t.shape)));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = t.first + static_cast<float>(i);
    file.write(t.name, values);
  }
  file.commit();
  return path;
}

TEST(HfFolder, EveryFolderOfTransformersReadsUnderFullNames) {
  HONE_GOLDENS(golden, goldens);
  const Json answers = read_json(golden / "folders.json");
  for (const auto& [name, answer] : answers.items()) {
    SCOPED_TRACE(name);
    const HfFolder source(golden / "folders" / name);
    expect_config(source.config(), answer);
    expect_same(source, golden / "folders" / (name + ".safetensors"));
    EXPECT_EQ(source.generation().eos, std::vector<std::int64_t>{2});
    EXPECT_EQ(source.generation().bos, 1);
    std::vector<ExpectedTensor> expected;
    for (const std::string& tensor : source.names())
      expected.push_back({tensor, source.shape(tensor)});
    EXPECT_EQ(error_of([&] { source.check(expected); }), "");
  }
}

TEST(HfFolder, FindsNamesBehindAnyPrefix) {
  for (const std::string prefix :
       {"", "transformer.", "pretrained_model.transformer.", "rwtransformer."}) {
    SCOPED_TRACE("\"" + prefix + "\"");
    const Scratch scratch;
    const std::string outer = prefix.starts_with("pretrained") ? "pretrained_model." : "";
    const HfFolder source(folder(scratch, tiny_gpt2,
                                 {{prefix + "wte.weight", {3, 4}, 1},
                                  {prefix + "h.0.attn.bias", {1, 1, 8, 8}},
                                  {prefix + "h.0.ln_1.weight", {4}, 2},
                                  {outer + "v_head.weight", {1, 4}, 3}}));
    EXPECT_EQ(source.names().size(), 3u);
    EXPECT_EQ(values_of(source, "transformer.wte.weight")[0], 1);
    EXPECT_EQ(values_of(source, "transformer.h.0.ln_1.weight")[0], 2);
    EXPECT_EQ(values_of(source, "v_head.weight")[0], 3);
    for (const std::string& name : source.names()) EXPECT_TRUE(source.has(name)) << name;
    EXPECT_FALSE(source.has("transformer.h.0.ln_2.weight"));
  }
}

TEST(HfFolder, ATiedHeadFollowsWhatIsStored) {
  const Tensor embedding{"model.embed_tokens.weight", {3, 4}, 1};
  const auto names = [](const HfFolder& f) { return f.names(); };
  {
    const Scratch scratch;  // a copy of the embedding
    const HfFolder source(folder(scratch, tiny_llama, {embedding, {"lm_head.weight", {3, 4}, 1}}));
    EXPECT_TRUE(source.config().tied);
    EXPECT_EQ(names(source), std::vector<std::string>{"model.embed_tokens.weight"});
  }
  {
    const Scratch scratch;  // another matrix
    const HfFolder source(folder(scratch, tiny_llama, {embedding, {"lm_head.weight", {3, 4}, 2}}));
    EXPECT_FALSE(source.config().tied);
    EXPECT_EQ(source.names().size(), 2u);
    EXPECT_EQ(values_of(source, "lm_head.weight")[0], 2);
  }
  {
    const Scratch scratch;  // the head alone
    const HfFolder source(
        folder(scratch, tiny_llama, {{"lm_head.weight", {3, 4}, 5}, {"model.norm.weight", {4}}}));
    EXPECT_TRUE(source.config().tied);
    EXPECT_EQ(values_of(source, "model.embed_tokens.weight")[0], 5);
    EXPECT_TRUE(source.has("model.norm.weight"));
  }
}

TEST(HfFolder, NamesMissingMisshapenAndUnexpectedTensors) {
  const Scratch scratch;
  const fs::path path = folder(scratch, tiny_llama,
                               {{"model.embed_tokens.weight", {3, 4}},
                                {"model.norm.weight", {5}},
                                {"model.layers.0.self_attn.rotary_emb.inv_freq", {2}},
                                {"model.strange.weight", {7}},
                                {"score.weight", {1, 4}}});
  const HfFolder source(path);
  const std::vector<ExpectedTensor> expected = {{"model.embed_tokens.weight", {3, 4}},
                                                {"model.norm.weight", {4}},
                                                {"model.layers.0.mlp.up_proj.weight", {4, 4}},
                                                {"model.optional.weight", {1}, true}};
  const std::string said = error_of([&] { source.check(expected); });
  EXPECT_EQ(said,
            path.string() +
                ": tensor \"model.norm.weight\" has shape [5], expected [4]; tensor "
                "\"model.layers.0.mlp.up_proj.weight\" is missing, expected shape [4, 4]; tensor "
                "\"model.strange.weight\" of shape [7] is not part of the model");
  std::vector<ExpectedTensor> many;
  for (int i = 0; i < 20; ++i) many.push_back({"model.t" + std::to_string(i), {1}});
  EXPECT_ERROR(source.check(many), "; and 18 more tensors do not fit");
  std::vector<float> out(4);
  EXPECT_ERROR(source.read("model.norm.weight", Shape{4}, out),
               (path / "model.safetensors").string() +
                   ": tensor \"model.norm.weight\" has shape [5], expected [4]");
}

TEST(HfFolder, SaysWhatAFolderLacks) {
  const Scratch scratch;
  EXPECT_ERROR(HfFolder(scratch.path()), "config.json: cannot be opened");
  put(scratch / "config.json", tiny_llama);
  EXPECT_ERROR(HfFolder(scratch.path()), "holds neither model.safetensors");
  const Scratch other;
  EXPECT_ERROR(HfFolder(folder(other, tiny_llama, {{"model.norm.weight", {4}}})),
               "tensor \"model.embed_tokens.weight\" is missing");
  const Scratch two;
  EXPECT_ERROR(
      HfFolder(folder(two, tiny_llama,
                      {{"a.embed_tokens.weight", {3, 4}}, {"b.embed_tokens.weight", {3, 4}}})),
      "holds several models: 2 tensors end in \"embed_tokens.weight\"");
}

TEST(HfFolderWriter, WritesAWholeFolderAtOnce) {
  const Scratch scratch;
  const fs::path path = folder(scratch, tiny_llama, {{"model.embed_tokens.weight", {3, 4}, 1}});
  put(path / "tokenizer.json", "{\"t\": 1}");
  put(path / "merges.txt", "a b");
  put(path / "training_log.txt", "not copied");
  const HfFolder source(path);
  save_hf_folder(scratch / "copy", source.file_config(), source,
                 {.tokenizer_from = path, .files = {{"README.md", "made by a test"}}});
  const HfFolder copy(scratch / "copy");
  EXPECT_EQ(copy.config(), source.config());
  EXPECT_EQ(copy.generation().eos, (std::vector<std::int64_t>{2, 1}));
  EXPECT_TRUE(same_bits(values_of(copy, "model.embed_tokens.weight"),
                        values_of(source, "model.embed_tokens.weight")));
  EXPECT_EQ(hone_test::read_text(scratch / "copy/tokenizer.json"), "{\"t\": 1}");
  EXPECT_EQ(hone_test::read_text(scratch / "copy/merges.txt"), "a b");
  EXPECT_EQ(hone_test::read_text(scratch / "copy/README.md"), "made by a test");
  EXPECT_FALSE(fs::exists(scratch / "copy/training_log.txt"));
  EXPECT_ERROR(save_hf_folder(scratch / "copy", source.file_config(), source),
               "exists and is not empty");
  EXPECT_ERROR(
      save_hf_folder(scratch / "bad", source.file_config(), source, {.files = {{"../x", ""}}}),
      "cannot hold a file called \"../x\"");
  EXPECT_FALSE(fs::exists(scratch / "bad"));
  save_hf_folder(scratch / "copy", source.file_config(), source, {.overwrite = true});
  EXPECT_FALSE(fs::exists(scratch / "copy/tokenizer.json"));
}

TEST(HfFolderWriter, LeavesOutATiedHead) {
  const Scratch scratch;
  const HfConfig config = parse_hf_config(std::string_view(tiny_llama), "config.json");
  const std::vector<ExpectedTensor> tensors = {{"model.embed_tokens.weight", {3, 4}},
                                               {"lm_head.weight", {3, 4}}};
  HfFolderWriter writer(scratch / "model", config, tensors);
  for (const ExpectedTensor& t : tensors) writer.write(t.name, std::vector<float>(12, 1.0f));
  EXPECT_FALSE(fs::exists(scratch / "model"));
  writer.commit();
  EXPECT_EQ(Safetensors(scratch / "model/model.safetensors").names(),
            std::vector<std::string>{"model.embed_tokens.weight"});
}

}  // namespace
