// Writes config.json from a model::Config, for new and old versions of transformers alike.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "hone/checkpoint/hf_config.hpp"
#include "hone/checkpoint/json.hpp"
#include "hone/core/error.hpp"
#include "hone/model/config.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

namespace detail {

// The double with the fewest digits that reads back as this float: 1e-05, not 9.9999997e-06.
inline double shortest(float x) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, x).ptr;
  double out = x;
  std::from_chars(digits, end, out);
  return out;
}

inline Json optional_id(std::int64_t id) { return id < 0 ? Json(nullptr) : Json(id); }

inline const char* activation_name(const model::Config& c) {
  switch (c.activation) {
    case model::Activation::relu:
      return "relu";
    case model::Activation::silu:
      return "silu";
    case model::Activation::gelu_erf:
      return "gelu";
    case model::Activation::gelu_tanh:
      return c.family == model::FamilyId::gpt2 ? "gelu_new" : "gelu_pytorch_tanh";
  }
  fail("activation ", static_cast<int>(c.activation), " has no name");
}

inline void write_rope(const model::Config& c, Json& j) {
  const double theta = shortest(c.rope_theta);
  const model::RopeScaling& s = c.rope_scaling;
  Json scaling = nullptr;
  if (s.factor != 1.0f)
    scaling = {{"rope_type", "llama3"},
               {"factor", shortest(s.factor)},
               {"low_freq_factor", shortest(s.low_freq_factor)},
               {"high_freq_factor", shortest(s.high_freq_factor)},
               {"original_max_position_embeddings", s.original_max_positions}};
  j["rope_theta"] = theta;
  j["rope_scaling"] = scaling;
  j["rope_parameters"] = scaling.is_null() ? Json{{"rope_type", "default"}} : scaling;
  j["rope_parameters"]["rope_theta"] = theta;
}

inline void write_windows(const model::Config& c, Json& j) {
  using model::FamilyId;
  const bool windowed = c.sliding_window > 0;
  if (c.family == FamilyId::llama) {
    require(!windowed, "config.json: a Llama with a sliding window cannot be written");
    return;
  }
  j["sliding_window"] = windowed ? Json(c.sliding_window) : Json(nullptr);
  if (c.family == FamilyId::mistral) {
    require(!windowed || (c.window_from == 0 && c.window_every == 1),
            "config.json: a Mistral with a sliding window on some layers cannot be written");
    return;
  }
  j["layer_types"] = Json::array();
  for (std::int64_t i = 0; i < c.layers; ++i)
    j["layer_types"].push_back(c.windowed(i) ? "sliding_attention" : "full_attention");
  if (c.family != FamilyId::gemma2) {
    j["use_sliding_window"] = windowed;
    j["max_window_layers"] = windowed ? c.window_from : c.layers;
  }
}

}  // namespace detail

inline Json hf_config_json(const HfConfig& config) {
  using model::FamilyId;
  const model::Config& c = config.model;
  check(c, "config.json");
  Json j;
  j["model_type"] = model::name_of(c.family);
  j["architectures"] = config.architectures.empty()
                           ? std::vector<std::string>{architecture_of(c.family, config.labels > 0)}
                           : config.architectures;
  j["dtype"] = j["torch_dtype"] = torch_name_of(config.dtype);
  j["vocab_size"] = c.vocab;
  j["tie_word_embeddings"] = c.tied;
  j["use_cache"] = true;
  j["bos_token_id"] = detail::optional_id(c.bos);
  j["pad_token_id"] = detail::optional_id(c.pad);
  j["eos_token_id"] = config.eos.size() > 1 && config.eos.front() == c.eos
                          ? Json(config.eos)
                          : detail::optional_id(c.eos);
  for (std::int64_t i = 0; i < config.labels; ++i) {
    const std::string label = "LABEL_" + std::to_string(i);
    j["id2label"][std::to_string(i)] = label;
    j["label2id"][label] = i;
  }

  if (c.family == FamilyId::gpt2) {
    j["n_embd"] = c.hidden;
    j["n_layer"] = c.layers;
    j["n_head"] = c.heads;
    j["n_inner"] = c.mlp;
    j["n_positions"] = j["n_ctx"] = c.max_positions;
    j["layer_norm_epsilon"] = detail::shortest(c.norm_eps);
    j["activation_function"] = detail::activation_name(c);
    return j;
  }
  j["hidden_size"] = c.hidden;
  j["num_hidden_layers"] = c.layers;
  j["num_attention_heads"] = c.heads;
  j["max_position_embeddings"] = c.max_positions;
  if (c.family == FamilyId::opt) {
    require(c.attention_bias == c.mlp_bias,
            "config.json: an OPT with biases in some linear layers only cannot be written");
    j["ffn_dim"] = c.mlp;
    j["word_embed_proj_dim"] = c.embed_dim;
    j["do_layer_norm_before"] = c.norm_before;
    j["_remove_final_layer_norm"] = c.norm_before && !c.final_norm;
    j["enable_bias"] = c.attention_bias;
    j["layer_norm_elementwise_affine"] = true;
    j["activation_function"] = detail::activation_name(c);
    return j;
  }
  j["num_key_value_heads"] = c.kv_heads;
  j["head_dim"] = c.head_dim;
  j["intermediate_size"] = c.mlp;
  j["rms_norm_eps"] = detail::shortest(c.norm_eps);
  j["hidden_act"] = detail::activation_name(c);
  if (c.family == FamilyId::llama || c.family == FamilyId::qwen3 || c.family == FamilyId::gemma2)
    j["attention_bias"] = c.attention_bias;
  if (c.family == FamilyId::llama) j["mlp_bias"] = c.mlp_bias;
  if (c.family == FamilyId::gemma2) {
    const auto softcap = [](float cap) {
      return cap > 0 ? Json(detail::shortest(cap)) : Json(nullptr);
    };
    j["hidden_activation"] = j["hidden_act"];
    j["attn_logit_softcapping"] = softcap(c.attention_softcap);
    j["final_logit_softcapping"] = softcap(c.final_softcap);
    const double scalar = c.query_scale > 0
                              ? 1.0 / (static_cast<double>(c.query_scale) * c.query_scale)
                              : static_cast<double>(c.head_dim);
    require(std::abs(scalar - std::round(scalar)) < 1e-4 * scalar,
            "config.json: query_pre_attn_scalar would be ", scalar, ", expected a whole number");
    j["query_pre_attn_scalar"] = std::llround(scalar);
  }
  detail::write_rope(c, j);
  detail::write_windows(c, j);
  return j;
}

inline std::string hf_config_text(const HfConfig& config) {
  return json_text(hf_config_json(config), "config.json", 2) + "\n";
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
