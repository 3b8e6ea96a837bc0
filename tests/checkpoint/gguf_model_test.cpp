#include "hone/checkpoint/gguf_model.hpp"

#include "expected_config.hpp"
#include "gguf_bytes.hpp"
#include "support.hpp"

namespace {

using namespace checkpoint_test;

TEST(GgufModel, EveryArchitectureEqualsTransformers) {
  HONE_GOLDENS(golden, goldens);
  const Json answers = read_json(golden / "gguf.json");
  EXPECT_EQ(answers.size(), 7u);
  for (const auto& [name, answer] : answers.items()) {
    SCOPED_TRACE(name);
    const GgufModel file(golden / "gguf" / (name + ".gguf"));
    expect_same(file.file(), golden / "gguf" / (name + ".raw.safetensors"));
    expect_same(file, golden / "gguf" / (name + ".hf.safetensors"));
    Json wanted = answer;
    // The file does not carry query_pre_attn_scalar; the rule by size gives the head's.
    if (name == "gemma2") wanted["query_scale"] = 1 / std::sqrt(wanted["head_dim"].get<double>());
    expect_config(file.config(), wanted);
  }
}

TEST(GgufModel, SmolLm2EqualsTransformers) {
  if (hone_test::environment("HONE_TEST_DATA").empty())
    GTEST_SKIP() << "HONE_TEST_DATA names no folder with the SmolLM2 file";
  HONE_GOLDENS(golden, "checkpoint/smollm2.py");
  const GgufModel file(fs::path(hone_test::environment("HONE_TEST_DATA")) /
                       "smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
  const Json wanted = read_json(golden / "crc.json")["hf"];
  EXPECT_EQ(wanted.size(), file.names().size());
  for (const auto& [name, crc] : wanted.items())
    EXPECT_EQ(crc32_of(values_of(file, name)), crc.get<std::uint32_t>()) << name;

  const hone::model::Config& c = file.config();
  EXPECT_EQ(c.family, hone::model::FamilyId::llama);
  EXPECT_EQ(c.layers, 30);
  EXPECT_EQ(c.heads, 9);
  EXPECT_EQ(c.kv_heads, 3);
  EXPECT_EQ(c.head_dim, 64);
  EXPECT_EQ(c.vocab, 49152);
  EXPECT_EQ(c.rope_theta, 100000.0f);
  EXPECT_TRUE(c.tied);
}

// A llama of one layer, with something changed before its tensors.
template <class Change>
std::string llama(Change change) {
  GgufBytes b;
  b.set("general.architecture", std::string("llama"));
  b.set("llama.embedding_length", 8u).set("llama.attention.head_count", 2u);
  b.set("llama.feed_forward_length", 16u).set("llama.context_length", 32u);
  change(b);
  b.tensor("token_embd.weight", {8, 3}, 0, 0).tensor("blk.0.attn_q.weight", {8, 8}, 0, 96);
  b.tensor("extra.thing", {4}, 0, 352).align().bytes(std::string(368, '\0'));
  return b.finish();
}

GgufModel open(const std::string& bytes) {
  return GgufModel(Gguf(MappedFile::borrow(std::as_bytes(std::span<const char>(bytes)), "x.gguf")));
}

TEST(GgufModel, SaysWhatItCannotUse) {
  const auto layers = [](GgufBytes& b) -> GgufBytes& { return b.set("llama.block_count", 1u); };
  const std::string fine = llama(layers);
  EXPECT_EQ(open(fine).names(),
            (std::vector<std::string>{"model.embed_tokens.weight",
                                      "model.layers.0.self_attn.q_proj.weight", "extra.thing"}));
  EXPECT_EQ(open(fine).config().vocab, 3);
  EXPECT_ERROR(open(llama([](GgufBytes&) {})), "x.gguf: metadata \"llama.block_count\" is missing");
  EXPECT_ERROR(open(GgufBytes().finish()), "metadata \"general.architecture\" is missing");
  EXPECT_ERROR(open(GgufBytes().set("general.architecture", std::string("mamba")).finish()),
               "the architecture is \"mamba\", expected gpt2, llama");
  EXPECT_ERROR(open(llama([&](GgufBytes& b) { layers(b).set("llama.expert_count", 8u); })),
               "mixtures of experts are not supported");
  EXPECT_ERROR(open(llama([&](GgufBytes& b) {
                 layers(b).set("llama.rope.scaling.type", std::string("yarn"));
               })),
               "rope scaling of type \"yarn\" is not supported");
  EXPECT_ERROR(
      open(llama([&](GgufBytes& b) {
        layers(b).set("llama.rope.dimension_count", 2u).set("llama.attention.key_length", 4u);
      })),
      "2 of 4 numbers of a head are rotated, expected all");
  EXPECT_ERROR(
      open(llama([&](GgufBytes& b) { layers(b).set("llama.attention.value_length", 2u); })),
      "keys have 4 numbers and values 2");
  EXPECT_ERROR(
      open(llama([&](GgufBytes& b) { layers(b).set("llama.attention.head_count_kv", 0u); })),
      "num_key_value_heads is 0");
}

TEST(GgufModel, RefusesRopeFactorsThatAreNotLlama3s) {
  const auto with = [](float last) {
    GgufBytes b;
    b.set("general.architecture", std::string("llama")).set("llama.block_count", 1u);
    b.set("llama.embedding_length", 8u).set("llama.attention.head_count", 2u);
    b.set("llama.feed_forward_length", 16u).set("llama.context_length", 32u);
    b.tensor("token_embd.weight", {8, 3}, 0, 0).tensor("rope_freqs.weight", {2}, 0, 96).align();
    b.bytes(std::string(96, '\0')).real(1.0f).real(last);
    return b.finish();
  };
  EXPECT_EQ(open(with(1.0f)).config().rope_scaling, hone::model::RopeScaling{});
  EXPECT_ERROR(open(with(3.0f)), "tensor \"rope_freqs.weight\" holds 3 at element 1");
}

}  // namespace
