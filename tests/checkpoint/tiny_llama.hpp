// A Llama of one layer, and files that claim to hold it: tensors of zeros, of any dtype.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hone/checkpoint/load_model.hpp"
#include "hone/model/decoder.hpp"
#include "support.hpp"

namespace checkpoint_test {

inline constexpr std::string_view tiny_llama_json =
    R"({"model_type": "llama", "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1,
        "num_key_value_heads": 1, "intermediate_size": 16, "vocab_size": 3,
        "max_position_embeddings": 32, "tie_word_embeddings": true})";

inline hone::model::Config tiny_llama() {
  return {.vocab = 3,
          .hidden = 8,
          .layers = 1,
          .heads = 2,
          .kv_heads = 1,
          .head_dim = 4,
          .mlp = 16,
          .max_positions = 32,
          .embed_dim = 8};
}

struct Claim {
  std::string name;
  Shape shape = {};
  std::string dtype = "F32";
};

inline std::vector<Claim> tiny_llama_tensors() {
  const hone::model::Decoder<hone::model::Llama> decoder{tiny_llama()};
  std::vector<Claim> out;
  for (const ExpectedTensor& t : expected_tensors(decoder)) out.push_back({t.name, t.shape});
  return out;
}

inline void put_tensors(const fs::path& file, const std::vector<Claim>& tensors) {
  Json header;
  std::int64_t end = 0;
  for (const Claim& t : tensors) {
    const std::int64_t begin = end;
    end += count_of(t.shape) * (t.dtype == "F32" ? 4 : 1);
    header[t.name] = {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {begin, end}}};
  }
  put(file, safetensors_bytes(header.dump(), std::string(static_cast<std::size_t>(end), '\0')));
}

// The numbers of every parameter, in storage order.
template <class Decoder>
std::vector<float> numbers_of(const Decoder& decoder) {
  std::vector<float> out;
  decoder.for_each_parameter(
      [&](const auto& p) { out.insert(out.end(), p.value().begin(), p.value().end()); });
  return out;
}

}  // namespace checkpoint_test
