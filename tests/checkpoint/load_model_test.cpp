#include "hone/checkpoint/load_model.hpp"

#include "gguf_bytes.hpp"
#include "hone/checkpoint/gguf_model.hpp"
#include "hone/checkpoint/hf_folder.hpp"
#include "tiny_llama.hpp"

namespace {

using namespace checkpoint_test;

TEST(LoadModel, NothingChangesUnlessEverythingFits) {
  const auto fine = tiny_llama_tensors();
  hone::model::Decoder<hone::model::Llama> decoder{tiny_llama()};
  decoder.randomise(1);
  const std::vector<float> before = numbers_of(decoder);
  const auto version = decoder.version();
  const auto attempt = [&](const std::vector<Claim>& tensors) {
    const Scratch scratch;
    put(scratch / "config.json", tiny_llama_json);
    put_tensors(scratch / "model.safetensors", tensors);
    const HfFolder source(scratch.path());
    EXPECT_EQ(error_of([&] { check_fits(source.config(), source); }),
              error_of([&] { load(decoder, source); }));
    return error_of([&] { load(decoder, source); });
  };
  auto late = fine;
  late.back().dtype = "I8";  // the final norm, the last to be read
  EXPECT_NE(attempt(late).find("tensor \"model.norm.weight\" has dtype I8, expected F32, F16"),
            std::string::npos);
  late = fine;
  late.back().shape = {7};
  EXPECT_NE(attempt(late).find("tensor \"model.norm.weight\" has shape [7], expected [8]"),
            std::string::npos);
  late.pop_back();
  EXPECT_NE(attempt(late).find("tensor \"model.norm.weight\" is missing, expected shape [8]"),
            std::string::npos);
  EXPECT_EQ(numbers_of(decoder), before);
  EXPECT_EQ(decoder.version(), version);

  EXPECT_EQ(attempt(fine), "");
  EXPECT_EQ(numbers_of(decoder), std::vector<float>(before.size()));
  EXPECT_GT(decoder.version(), version);
}

// Files that call themselves Q4_K_M hold some tensors as Q6_K.
TEST(LoadModel, AFormatThatCannotBeReadIsFoundBeforeReading) {
  GgufBytes b;
  b.set("general.architecture", std::string("llama")).set("llama.block_count", 1u);
  b.set("llama.embedding_length", 256u).set("llama.attention.head_count", 2u);
  b.set("llama.feed_forward_length", 16u).set("llama.context_length", 32u);
  b.tensor("token_embd.weight", {256, 1}, 0, 0).tensor("output_norm.weight", {256}, 14, 1024);
  const std::string bytes = b.align().bytes(std::string(1024 + 210, '\0')).finish();
  const GgufModel file(
      Gguf(MappedFile::borrow(std::as_bytes(std::span<const char>(bytes)), "x.gguf")));
  const std::vector<ExpectedTensor> expected = {{"model.embed_tokens.weight", {1, 256}},
                                                {"model.norm.weight", {256}}};
  EXPECT_ERROR(check_tensors(file, expected),
               "x.gguf: tensor \"output_norm.weight\" is Q6_K, expected F32, F16");
  EXPECT_EQ(error_of([&] { file.check_readable("model.embed_tokens.weight"); }), "");
}

}  // namespace
