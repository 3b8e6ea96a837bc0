// Damaged files of every format: an error that names the file, never a crash, never a byte read
// beyond the end, never memory by the measure of what a file claims.
#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

#include "gguf_bytes.hpp"
#include "hone/checkpoint/gguf_model.hpp"
#include "hone/checkpoint/gguf_tokenizer.hpp"
#include "hone/checkpoint/hf_config.hpp"
#include "hone/checkpoint/peft_folder.hpp"
#include "hone/checkpoint/pretrained.hpp"
#include "support.hpp"
#include "tiny_llama.hpp"

namespace {
std::atomic<std::size_t> largest_request{0};
}  // namespace

// Watches the largest single piece of memory that this program asks for.
void* operator new(std::size_t size) {
  std::size_t seen = largest_request.load(std::memory_order_relaxed);
  while (size > seen && !largest_request.compare_exchange_weak(seen, size)) {
  }
  if (void* p = std::malloc(size ? size : 1)) return p;
  throw std::bad_alloc();
}
// Not inlined, so that the compiler does not take free() for the wrong partner of new.
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

using namespace checkpoint_test;

void read_safetensors(const std::string& bytes) {
  const GuardedBytes guarded(bytes);
  const Safetensors file(guarded.file());
  for (const std::string& name : file.names())
    if (is_readable(file.info(name).dtype)) values_of(file, name);
}

void read_gguf(const std::string& bytes) {
  const GuardedBytes guarded(bytes);
  const GgufModel file(Gguf(guarded.file()));
  for (const std::string& name : file.names()) values_of(file, name);
  gguf_tokenizer(file.file());
}

// Whether the bytes were read; whatever else happens must be an error that names the file, and no
// more memory than a few times the bytes may have been asked for at once.
bool survives(const std::string& bytes, void (*read)(const std::string&)) {
  largest_request = 0;
  std::string said;
  bool fine = true;
  try {
    read(bytes);
  } catch (const hone::Error& error) {
    fine = false;
    said = error.what();
  }
  const std::size_t asked = largest_request;
  EXPECT_LE(asked, 64 * bytes.size() + 4096) << said;
  EXPECT_TRUE(fine || said.starts_with("guarded")) << said;
  return fine;
}

void truncate_everywhere(const std::string& whole, std::size_t header,
                         void (*read)(const std::string&)) {
  ASSERT_TRUE(survives(whole, read));
  std::mt19937 random(3);
  std::size_t cuts = 0;
  for (std::size_t length = 0; length < whole.size();
       length += length < header ? 1 : 1 + random() % (1 + whole.size() / 400), ++cuts)
    ASSERT_FALSE(survives(whole.substr(0, length), read))
        << "cut to " << length << " of " << whole.size();
  std::cout << cuts << " truncations of " << whole.size() << " bytes, header " << header << "\n";
  EXPECT_GE(cuts, header);
}

void mutate(const std::string& whole, std::size_t header, int times,
            void (*read)(const std::string&)) {
  std::mt19937_64 random(4);
  constexpr std::uint64_t values[] = {
      0, 1, 255, 1u << 31, ~0u, std::uint64_t{1} << 60, ~std::uint64_t{0}, std::uint64_t{1} << 63};
  int read_fine = 0;
  for (int i = 0; i < times; ++i) {
    std::string bytes = whole;
    const std::size_t at = random() % header;
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
        break;
      case 2:
        bytes.erase(at, 1 + random() % 8);
        break;
      case 3:
        bytes.insert(at, std::string(1 + random() % 8, static_cast<char>(random())));
        break;
      default: {
        const std::uint64_t value = values[random() % std::size(values)];
        std::memcpy(bytes.data() + at, &value, std::min<std::size_t>(8, bytes.size() - at));
      }
    }
    read_fine += survives(bytes, read);
  }
  std::cout << read_fine << " of " << times << " mutations left a readable file\n";
  EXPECT_LT(read_fine, times / 2);
}

std::string small_safetensors() {
  std::string data(44, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  return safetensors_bytes(
      R"({"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},)"
      R"("c":{"dtype":"F16","shape":[2,1,2],"data_offsets":[32,40]},)"
      R"("d":{"dtype":"U8","shape":[4],"data_offsets":[40,44]}} )",
      data);
}

std::string small_gguf() {
  GgufBytes b;
  b.set("general.architecture", std::string("llama")).set("llama.block_count", 1u);
  b.set("llama.embedding_length", 32u).set("llama.attention.head_count", 2u);
  b.set("llama.attention.head_count_kv", 1u).set("llama.feed_forward_length", 64u);
  b.set("llama.context_length", 64u).set("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  b.key("tokenizer.ggml.tokens", 9).word(8).number(3).text("a").text("").text("<|end|>");
  b.key("tokenizer.ggml.token_type", 9).word(5).number(3).word(1).word(1).word(3);
  b.key("nested", 9).word(9).number(2).word(0).number(3).bytes("abc").word(8).number(1).text("x");
  b.set("tokenizer.ggml.eos_token_id", 2u);
  b.tensor("token_embd.weight", {32, 3}, 8, 0).tensor("output_norm.weight", {32}, 0, 128);
  b.tensor("blk.0.attn_q.weight", {32, 32}, 2, 256).tensor("blk.0.attn_k.weight", {32, 16}, 3, 832);
  std::string data(1152, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 13 % 31);
  return b.align().bytes(data).finish();
}

TEST(Hostile, TruncatedSafetensorsAreErrors) {
  const std::string whole = small_safetensors();
  truncate_everywhere(whole, whole.size(), read_safetensors);
}

TEST(Hostile, MutatedSafetensorsAreErrorsOrFine) {
  const std::string whole = small_safetensors();
  mutate(whole, whole.size() - 44, 20000, read_safetensors);
}

TEST(Hostile, TruncatedGgufsAreErrors) {
  const std::string whole = small_gguf();
  truncate_everywhere(whole, whole.size(), read_gguf);
}

TEST(Hostile, MutatedGgufsAreErrorsOrFine) {
  const std::string whole = small_gguf();
  mutate(whole, whole.size() - 1152, 20000, read_gguf);
}

TEST(Hostile, TruncatedRealFilesAreErrors) {
  HONE_GOLDENS(golden, goldens);
  for (const char* name : {"gpt2", "llama", "gemma2"}) {
    const std::string whole = hone_test::read_text(golden / "gguf" / (std::string(name) + ".gguf"));
    const Gguf file(golden / "gguf" / (std::string(name) + ".gguf"));
    std::size_t data = 0;
    for (const GgufTensor& t : file.tensors()) data += t.bytes.size();
    truncate_everywhere(whole, whole.size() - data, read_gguf);
  }
  const std::string whole = hone_test::read_text(golden / "folders/llama/model.safetensors");
  std::uint64_t header;
  std::memcpy(&header, whole.data(), 8);
  truncate_everywhere(whole, 8 + static_cast<std::size_t>(header), read_safetensors);
}

TEST(Hostile, AClaimOfTwoToTheSixtyAsksForNoMemory) {
  constexpr std::uint64_t huge = std::uint64_t{1} << 60;
  std::string header(8, '\0');
  std::memcpy(header.data(), &huge, 8);
  EXPECT_FALSE(survives(header + "{}", read_safetensors));
  for (const std::string& shape :
       {std::to_string(huge), std::string("1073741824,1073741824"), "0," + std::to_string(huge)})
    EXPECT_FALSE(survives(safetensors_bytes("{\"a\":{\"dtype\":\"F32\",\"shape\":[" + shape +
                                                "],\"data_offsets\":[0,8]}}",
                                            std::string(8, '\0')),
                          read_safetensors))
        << shape;
  EXPECT_FALSE(survives(GgufBytes().counts(huge, 0).finish(), read_gguf));
  EXPECT_FALSE(survives(GgufBytes().counts(0, huge).finish(), read_gguf));
  for (std::uint32_t element = 0; element < 13; ++element)
    EXPECT_FALSE(survives(GgufBytes().key("k", 9).word(element).number(huge).finish(), read_gguf))
        << element;
  // A config of hostile size: nothing is built by it.
  largest_request = 0;
  EXPECT_ERROR(
      parse_hf_config(
          std::string_view(R"({"model_type": "llama", "num_hidden_layers": 1152921504606846976})"),
          "config.json"),
      "config.json: the model has 1152921504606846976 layers");
  EXPECT_LT(largest_request.load(), 65536u);
}

// Whoever opens a model learns that its files do not fit each other before there is a decoder.
TEST(Hostile, AConfigThatAsksForMoreThanItsFileHoldsAsksForNoMemory) {
  const Scratch scratch;
  put_tensors(scratch / "model.safetensors", tiny_llama_tensors());
  const auto attempt = [&](const char* name, std::int64_t size) {
    Json config = parse_json(tiny_llama_json, "config.json");
    if (name) config[name] = size;
    put(scratch / "config.json", config.dump());
    largest_request = 0;
    const std::string said = error_of([&] { Pretrained source{scratch.path()}; });
    EXPECT_LT(largest_request.load(), 1u << 18) << said;
    return said;
  };
  EXPECT_EQ(attempt(nullptr, 0), "");
  constexpr std::tuple<const char*, std::int64_t, const char*> claims[] = {
      {"vocab_size", 1 << 24,
       "tensor \"model.embed_tokens.weight\" has shape [3, 8], expected [16777216, 8]"},
      {"hidden_size", 1 << 24,
       "tensor \"model.embed_tokens.weight\" has shape [3, 8], expected [3, 16777216]"},
      {"intermediate_size", 1 << 24,
       "tensor \"model.layers.0.mlp.gate_proj.weight\" has shape [16, 8], expected [16777216, 8]"},
      {"head_dim", 1 << 23,
       "tensor \"model.layers.0.self_attn.q_proj.weight\" has shape [8, 8], expected [16777216, "
       "8]"},
      {"num_hidden_layers", 1 << 20,
       "the config asks for 1048576 layers, but there are 11 tensors"},
      {"num_hidden_layers", 2,
       "tensor \"model.layers.1.input_layernorm.weight\" is missing, expected shape [8]"},
  };
  for (const auto& [name, size, part] : claims) {
    const std::string said = attempt(name, size);
    EXPECT_NE(said.find(part), std::string::npos) << said;
  }
  put(scratch / "small.gguf", small_gguf());
  EXPECT_ERROR(Pretrained(scratch / "small.gguf"),
               "small.gguf: tensor \"model.layers.0.input_layernorm.weight\" is missing, expected "
               "shape [32]");
}

TEST(Hostile, MutatedConfigsAreErrorsOrFine) {
  const std::string whole =
      R"({"model_type": "qwen2", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 6,
          "num_key_value_heads": 2, "use_sliding_window": true, "sliding_window": 8, "rope_theta": 1e6,
          "layer_types": ["full_attention", "sliding_attention", "full_attention", "sliding_attention",
          "full_attention", "sliding_attention"], "eos_token_id": [1, 2], "dtype": "float16"})";
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_ERROR(parse_hf_config(std::string_view(whole).substr(0, length), "config.json"),
                 "config.json: ");
  std::mt19937_64 random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string text = whole;
    text[random() % text.size()] = static_cast<char>(random());
    if (i % 2) text.erase(random() % text.size(), 1 + random() % 5);
    const std::string said =
        error_of([&] { parse_hf_config(std::string_view(text), "config.json"); });
    EXPECT_TRUE(said.empty() || said.starts_with("config.json")) << said;
  }
}

}  // namespace
