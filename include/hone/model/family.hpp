// What tells one model family from another: a table of traits, read by Decoder at compile time.
//
// A new decoder-only family is one more struct here: its structure, and the names of its tensors in
// a Hugging Face checkpoint.
#pragma once

#include <string_view>
#include <utility>

#include "hone/model/config.hpp"

namespace hone {
inline namespace v0 {
namespace model {

enum class NormKind { rms, layer };
enum class Positions { rotary, learned };

// Whether a linear layer carries a bias: by the family, or by a switch of the checkpoint.
enum class Bias { none, always, config };

// Names of a checkpoint's tensors without ".weight" and ".bias"; `layer` is followed by the layer's
// index and a dot, and by the names below it. An empty name: the family has no such part.
struct TensorNames {
  std::string_view embedding = {}, positions = {}, project_in = {}, project_out = {};
  std::string_view final_norm = {}, head = {}, layer = {};
  std::string_view q = {}, k = {}, v = {}, qkv = {}, o = {}, q_norm = {}, k_norm = {};
  std::string_view gate = {}, up = {}, down = {};
  std::string_view attention_norm = {}, mlp_norm = {};
  std::string_view attention_post_norm = {}, mlp_post_norm = {};
};

struct Traits {
  FamilyId id = FamilyId::llama;
  NormKind norm = NormKind::rms;
  float norm_offset = 0.0f;  // an RMS norm multiplies with offset + weight
  Positions positions = Positions::rotary;
  int position_offset = 0;        // row of a learned position table that position 0 reads
  Bias qkv_bias = Bias::none;     // biases of the query, key and value projections
  Bias output_bias = Bias::none;  // bias of the attention's output projection
  Bias mlp_bias = Bias::none;
  bool fused_qkv = false;          // one matrix yields queries, keys and values
  bool transposed_linear = false;  // checkpoint stores [in, out]
  bool head_norm = false;          // an RMS norm over each head of queries and keys
  bool gated_mlp = true;           // down(act(gate x) * up x), else down(act(up x))
  bool post_norms = false;         // norms on what attention and MLP add to the residual stream
  bool scaled_embedding = false;   // embeddings are multiplied by sqrt(hidden)
  TensorNames names = {};
};

// Radford et al. 2019, "Language models are unsupervised multitask learners".
struct Gpt2 {
  static constexpr Traits traits = {.id = FamilyId::gpt2,
                                    .norm = NormKind::layer,
                                    .positions = Positions::learned,
                                    .qkv_bias = Bias::always,
                                    .output_bias = Bias::always,
                                    .mlp_bias = Bias::always,
                                    .fused_qkv = true,
                                    .transposed_linear = true,
                                    .gated_mlp = false,
                                    .names = {.embedding = "transformer.wte",
                                              .positions = "transformer.wpe",
                                              .final_norm = "transformer.ln_f",
                                              .head = "lm_head",
                                              .layer = "transformer.h.",
                                              .qkv = "attn.c_attn",
                                              .o = "attn.c_proj",
                                              .up = "mlp.c_fc",
                                              .down = "mlp.c_proj",
                                              .attention_norm = "ln_1",
                                              .mlp_norm = "ln_2"}};
};

// Zhang et al. 2022, "OPT: open pre-trained transformer language models". Positions start at row 2;
// the 350M model norms after each part and projects its embeddings in and out.
struct Opt {
  static constexpr Traits traits = {.id = FamilyId::opt,
                                    .norm = NormKind::layer,
                                    .positions = Positions::learned,
                                    .position_offset = 2,
                                    .qkv_bias = Bias::config,
                                    .output_bias = Bias::config,
                                    .mlp_bias = Bias::config,
                                    .gated_mlp = false,
                                    .names = {.embedding = "model.decoder.embed_tokens",
                                              .positions = "model.decoder.embed_positions",
                                              .project_in = "model.decoder.project_in",
                                              .project_out = "model.decoder.project_out",
                                              .final_norm = "model.decoder.final_layer_norm",
                                              .head = "lm_head",
                                              .layer = "model.decoder.layers.",
                                              .q = "self_attn.q_proj",
                                              .k = "self_attn.k_proj",
                                              .v = "self_attn.v_proj",
                                              .o = "self_attn.out_proj",
                                              .up = "fc1",
                                              .down = "fc2",
                                              .attention_norm = "self_attn_layer_norm",
                                              .mlp_norm = "final_layer_norm"}};
};

// Touvron et al. 2023, "LLaMA: open and efficient foundation language models"; SmolLM2 is one.
struct Llama {
  static constexpr Traits traits = {.id = FamilyId::llama,
                                    .qkv_bias = Bias::config,
                                    .output_bias = Bias::config,
                                    .mlp_bias = Bias::config,
                                    .names = {.embedding = "model.embed_tokens",
                                              .final_norm = "model.norm",
                                              .head = "lm_head",
                                              .layer = "model.layers.",
                                              .q = "self_attn.q_proj",
                                              .k = "self_attn.k_proj",
                                              .v = "self_attn.v_proj",
                                              .o = "self_attn.o_proj",
                                              .gate = "mlp.gate_proj",
                                              .up = "mlp.up_proj",
                                              .down = "mlp.down_proj",
                                              .attention_norm = "input_layernorm",
                                              .mlp_norm = "post_attention_layernorm"}};
};

// Jiang et al. 2023, "Mistral 7B": Llama with a sliding window.
struct Mistral {
  static constexpr Traits traits = [] {
    Traits t = Llama::traits;
    t.id = FamilyId::mistral;
    t.qkv_bias = t.output_bias = t.mlp_bias = Bias::none;
    return t;
  }();
};

// Yang et al. 2024, "Qwen2 technical report": Llama with biases on queries, keys and values.
struct Qwen2 {
  static constexpr Traits traits = [] {
    Traits t = Llama::traits;
    t.id = FamilyId::qwen2;
    t.qkv_bias = Bias::always;
    t.output_bias = t.mlp_bias = Bias::none;
    return t;
  }();
};

// Yang et al. 2025, "Qwen3 technical report": Llama with a norm on each head of queries and keys.
struct Qwen3 {
  static constexpr Traits traits = [] {
    Traits t = Llama::traits;
    t.id = FamilyId::qwen3;
    t.mlp_bias = Bias::none;
    t.head_norm = true;
    t.names.q_norm = "self_attn.q_norm";
    t.names.k_norm = "self_attn.k_norm";
    return t;
  }();
};

// Gemma team 2024, "Gemma 2: improving open language models at a practical size".
struct Gemma2 {
  static constexpr Traits traits = [] {
    Traits t = Llama::traits;
    t.id = FamilyId::gemma2;
    t.norm_offset = 1.0f;
    t.mlp_bias = Bias::none;
    t.post_norms = true;
    t.scaled_embedding = true;
    t.names.attention_post_norm = "post_attention_layernorm";
    t.names.mlp_norm = "pre_feedforward_layernorm";
    t.names.mlp_post_norm = "post_feedforward_layernorm";
    return t;
  }();
};

// Calls f with a value of the family's type: visit_family(id, [](auto family) { ... }).
template <class F>
decltype(auto) visit_family(FamilyId id, F&& f) {
  switch (id) {
    case FamilyId::gpt2:
      return std::forward<F>(f)(Gpt2{});
    case FamilyId::opt:
      return std::forward<F>(f)(Opt{});
    case FamilyId::llama:
      return std::forward<F>(f)(Llama{});
    case FamilyId::mistral:
      return std::forward<F>(f)(Mistral{});
    case FamilyId::qwen2:
      return std::forward<F>(f)(Qwen2{});
    case FamilyId::qwen3:
      return std::forward<F>(f)(Qwen3{});
    case FamilyId::gemma2:
      return std::forward<F>(f)(Gemma2{});
  }
  fail("visit_family: ", static_cast<int>(id), " names no family");
}

}  // namespace model
}  // namespace v0
}  // namespace hone
