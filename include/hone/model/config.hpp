// The numbers and switches of one decoder-only model, as read from a checkpoint.
//
// Families differ in structure (see model/family.hpp); this record holds what varies inside a
// family. Every field is what transformers calls by the name in its comment.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace model {

enum class FamilyId { gpt2, opt, llama, mistral, qwen2, qwen3, gemma2 };

inline constexpr std::array<std::string_view, 7> family_names = {
    "gpt2", "opt", "llama", "mistral", "qwen2", "qwen3", "gemma2"};

inline constexpr std::string_view name_of(FamilyId id) {
  return family_names[static_cast<std::size_t>(id)];
}

enum class Activation { relu, gelu_tanh, gelu_erf, silu };

// Rotary frequencies rescaled for longer contexts ("rope_type": "llama3"; factor 1 = none).
struct RopeScaling {
  float factor = 1.0f;
  float low_freq_factor = 1.0f;
  float high_freq_factor = 4.0f;
  std::int64_t original_max_positions = 8192;
  bool operator==(const RopeScaling&) const = default;
};

struct Config {
  FamilyId family = FamilyId::llama;          // model_type
  std::int64_t vocab = 0;                     // vocab_size
  std::int64_t hidden = 0;                    // hidden_size, n_embd
  std::int64_t layers = 0;                    // num_hidden_layers, n_layer
  std::int64_t heads = 0;                     // num_attention_heads, n_head
  std::int64_t kv_heads = 0;                  // num_key_value_heads (= heads where absent)
  std::int64_t head_dim = 0;                  // head_dim (= hidden / heads where absent)
  std::int64_t mlp = 0;                       // intermediate_size, ffn_dim, n_inner (= 4 hidden)
  std::int64_t max_positions = 0;             // max_position_embeddings, n_positions
  std::int64_t embed_dim = 0;                 // OPT's word_embed_proj_dim; = hidden elsewhere
  float norm_eps = 1e-5f;                     // rms_norm_eps, layer_norm_epsilon
  float rope_theta = 10000.0f;                // rope_theta
  RopeScaling rope_scaling = {};              // rope_scaling / rope_parameters
  bool tied = true;                           // tie_word_embeddings
  bool norm_before = true;                    // OPT's do_layer_norm_before
  bool final_norm = true;                     // OPT: false where _remove_final_layer_norm
  bool attention_bias = false;                // attention_bias (Llama), enable_bias (OPT)
  bool mlp_bias = false;                      // mlp_bias (Llama), enable_bias (OPT)
  Activation activation = Activation::silu;   // hidden_act, activation_function
  float attention_softcap = 0.0f;             // attn_logit_softcapping; 0 = none
  float final_softcap = 0.0f;                 // final_logit_softcapping; 0 = none
  float query_scale = 0.0f;                   // query_pre_attn_scalar^-0.5; 0 = head_dim^-0.5
  std::int64_t sliding_window = 0;            // sliding_window in tokens; 0 = none
  std::int64_t window_from = 0;               // the first layer with the window, and
  std::int64_t window_every = 1;              // every so many layers from there on (layer_types)
  std::int64_t bos = -1, eos = -1, pad = -1;  // bos_token_id, eos_token_id (first), pad_token_id

  // Whether attention in layer `layer` sees the last `sliding_window` tokens only.
  bool windowed(std::int64_t layer) const {
    return sliding_window > 0 && layer >= window_from && (layer - window_from) % window_every == 0;
  }

  bool operator==(const Config&) const = default;
};

// No size is larger, nor is the width of attention: products of two of them cannot overflow.
inline constexpr std::int64_t largest_size = std::int64_t{1} << 24;

// Throws unless the sizes describe a model that can be built. `where` names the source in the
// message (a file name).
inline void check(const Config& c, std::string_view where) {
  auto positive = [&](std::int64_t v, const char* field) {
    require(v > 0, where, ": ", field, " is ", v, ", expected a positive number");
    require(v <= largest_size, where, ": ", field, " is ", v, ", expected at most ", largest_size);
  };
  positive(c.vocab, "vocab_size");
  positive(c.hidden, "hidden_size");
  positive(c.layers, "num_hidden_layers");
  positive(c.heads, "num_attention_heads");
  positive(c.kv_heads, "num_key_value_heads");
  positive(c.head_dim, "head_dim");
  positive(c.mlp, "intermediate_size");
  positive(c.max_positions, "max_position_embeddings");
  positive(c.embed_dim, "word_embed_proj_dim");
  require(c.heads * c.head_dim <= largest_size, where, ": num_attention_heads is ", c.heads,
          " and head_dim ", c.head_dim, ", expected a product of at most ", largest_size);
  require(c.heads % c.kv_heads == 0, where, ": num_attention_heads is ", c.heads,
          ", expected a multiple of num_key_value_heads, ", c.kv_heads);
  require(c.head_dim % 2 == 0, where, ": head_dim is ", c.head_dim, ", expected an even number");
  require(c.norm_eps > 0 && c.norm_eps < 1, where, ": the norm's epsilon is ", c.norm_eps,
          ", expected above 0 and below 1");
  require(c.rope_theta > 0 && c.rope_theta < 1e30f, where, ": rope_theta is ", c.rope_theta,
          ", expected a positive number");
  for (float x : {c.attention_softcap, c.final_softcap, c.query_scale})
    require(x >= 0 && x < 1e30f, where, ": a soft cap or scale of attention is ", x,
            ", expected 0 or a positive number");
  require(c.sliding_window >= 0 && c.window_from >= 0 && c.window_every > 0, where,
          ": sliding_window is ", c.sliding_window, " from layer ", c.window_from, " every ",
          c.window_every, " layers, expected 0 or more tokens and a positive step");
}

}  // namespace model
}  // namespace v0
}  // namespace hone
