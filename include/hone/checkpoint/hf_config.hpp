// config.json of a Hugging Face folder, read into and written from a model::Config.
//
// A key that is absent has the default of transformers' configuration class of the family. Both
// spellings are read, and both are written, so that new and old versions of transformers load what
// hone saved: dtype and torch_dtype; rope_parameters, and rope_theta with rope_scaling;
// layer_types, and use_sliding_window with max_window_layers. A setting that changes what the model
// computes and that hone does not have is refused by name.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hone/checkpoint/dtype.hpp"
#include "hone/checkpoint/hf_attention.hpp"
#include "hone/checkpoint/json.hpp"
#include "hone/core/error.hpp"
#include "hone/model/config.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// What config.json says: the model, and what only files care about.
struct HfConfig {
  model::Config model;
  DType dtype = DType::f32;                     // of the stored numbers
  std::vector<std::string> architectures = {};  // empty: the family's causal language model
  std::vector<std::int64_t> eos = {};           // every eos_token_id; model.eos is the first
  std::int64_t labels = 0;                      // rows of a classification head; 0: none
  bool operator==(const HfConfig&) const = default;
};

namespace detail {

// Defaults of transformers' classes; 0: derived from other fields.
struct HfDefaults {
  std::string_view prefix;  // of its class names
  std::int64_t vocab, hidden, layers, heads, kv_heads, head_dim, mlp, max_positions;
  double norm_eps;
  const char* activation;
  bool tied;
  std::int64_t bos, eos, pad, window;
};

inline constexpr std::array<HfDefaults, 7> hf_defaults = {{
    {"GPT2", 50257, 768, 12, 12, 0, 0, 0, 1024, 1e-5, "gelu_new", true, 50256, 50256, -1, 0},
    {"OPT", 50272, 768, 12, 12, 0, 0, 3072, 2048, 1e-5, "relu", true, 2, 2, 1, 0},
    {"Llama", 32000, 4096, 32, 32, 0, 0, 11008, 2048, 1e-6, "silu", false, 1, 2, -1, 0},
    {"Mistral", 32000, 4096, 32, 32, 8, 0, 14336, 131072, 1e-6, "silu", false, 1, 2, -1, 4096},
    {"Qwen2", 151936, 4096, 32, 32, 32, 0, 22016, 32768, 1e-6, "silu", false, -1, -1, -1, 4096},
    {"Qwen3", 151936, 4096, 32, 32, 32, 128, 22016, 32768, 1e-6, "silu", false, -1, -1, -1, 4096},
    {"Gemma2", 256000, 2304, 26, 8, 4, 256, 9216, 8192, 1e-6, "gelu_pytorch_tanh", true, 2, 1, 0,
     4096},
}};

inline const HfDefaults& defaults_of(model::FamilyId id) {
  return hf_defaults[static_cast<std::size_t>(id)];
}

inline model::Activation parse_activation(const Fields& fields, Fields::Names names,
                                          const char* absent) {
  using model::Activation;
  const std::string name = fields.text(names).value_or(absent);
  if (name == "relu") return Activation::relu;
  if (name == "silu" || name == "swish") return Activation::silu;
  if (name == "gelu" || name == "gelu_python") return Activation::gelu_erf;
  for (const char* tanh :
       {"gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"})
    if (name == tanh) return Activation::gelu_tanh;
  fields.refuse(*names.begin(), "is ", in_quotes(name),
                ", expected relu, silu, gelu or a gelu by tanh");
}

inline void refuse_if(const Fields& fields, const char* name, bool wanted, bool absent) {
  if (fields.boolean({name}, absent) != wanted)
    fields.refuse(name, "is ", wanted ? "false" : "true", ", which is not supported");
}

inline void read_gpt2(const Fields& fields, model::Config& c) {
  refuse_if(fields, "scale_attn_weights", true, true);
  refuse_if(fields, "scale_attn_by_inverse_layer_idx", false, false);
  refuse_if(fields, "add_cross_attention", false, false);
  c.attention_bias = c.mlp_bias = true;
}

inline void read_opt(const Fields& fields, model::Config& c) {
  refuse_if(fields, "layer_norm_elementwise_affine", true, true);
  c.embed_dim = fields.integer({"word_embed_proj_dim"}, c.hidden);
  c.norm_before = fields.boolean({"do_layer_norm_before"}, true);
  c.final_norm = c.norm_before && !fields.boolean({"_remove_final_layer_norm"}, false);
  c.attention_bias = c.mlp_bias = fields.boolean({"enable_bias"}, true);
}

inline void read_gemma2(const Fields& fields, model::Config& c) {
  refuse_if(fields, "use_bidirectional_attention", false, false);
  const auto softcap = [&](const char* name, double absent) {
    const double cap = fields.is_null(name) ? 0.0 : fields.number({name}, absent);
    if (!(cap >= 0)) fields.refuse(name, "is ", cap, ", expected 0 or more");
    return static_cast<float>(cap);
  };
  c.attention_softcap = softcap("attn_logit_softcapping", 50.0);
  c.final_softcap = softcap("final_logit_softcapping", 30.0);
  const double scalar = fields.number({"query_pre_attn_scalar"}, 256.0);
  if (!(scalar > 0)) fields.refuse("query_pre_attn_scalar", "is ", scalar, ", expected above 0");
  c.query_scale = static_cast<float>(1.0 / std::sqrt(scalar));
}

inline DType parse_torch_dtype(const Fields& fields) {
  std::string name = fields.text({"dtype", "torch_dtype"}).value_or("float32");
  if (name.starts_with("torch.")) name.erase(0, 6);
  for (DType type : {DType::f32, DType::f16, DType::bf16})
    if (torch_name_of(type) == name) return type;
  fields.refuse("dtype", "is ", in_quotes(name), ", expected float32, float16 or bfloat16");
}

inline model::FamilyId parse_family(const Fields& fields) {
  const std::string type = fields.text({"model_type"}).value_or("");
  const auto& known = model::family_names;
  const auto it = std::find(known.begin(), known.end(), type);
  if (it == known.end())
    fields.refuse("model_type", "is ", in_quotes(type),
                  ", expected gpt2, opt, llama, mistral, qwen2, qwen3 or gemma2");
  return static_cast<model::FamilyId>(it - known.begin());
}

}  // namespace detail

inline HfConfig hf_config_from_json(const Json& json, const std::string& where) {
  using model::FamilyId;
  const Fields fields(json, where);
  HfConfig out;
  model::Config& c = out.model;
  c.family = detail::parse_family(fields);
  const detail::HfDefaults& d = detail::defaults_of(c.family);
  for (const char* name : {"quantization_config", "per_layer_config"})
    if (const Json* v = fields.find({name}); v && !v->empty())
      fields.refuse(name, "is set, which is not supported");

  c.vocab = fields.integer({"vocab_size"}, d.vocab);
  c.hidden = fields.integer({"hidden_size", "n_embd"}, d.hidden);
  c.layers = fields.integer({"num_hidden_layers", "n_layer"}, d.layers);
  c.heads = fields.integer({"num_attention_heads", "n_head"}, d.heads);
  c.max_positions = fields.integer({"max_position_embeddings", "n_positions"}, d.max_positions);
  if (c.heads <= 0 || c.hidden <= 0 || c.layers <= 0 || c.hidden > model::largest_size ||
      c.layers > 1 << 20)
    fail(where, ": the model has ", c.layers, " layers of ", c.heads, " heads and ", c.hidden,
         " hidden numbers, expected positive numbers, at most ", 1 << 20, " layers and ",
         model::largest_size, " hidden numbers");
  c.mlp = fields.integer({"intermediate_size", "ffn_dim", "n_inner"}, d.mlp ? d.mlp : 4 * c.hidden);
  const bool fixed_heads = c.family == FamilyId::gpt2 || c.family == FamilyId::opt;
  c.kv_heads = c.heads;
  c.head_dim = c.hidden / c.heads;
  if (!fixed_heads) {
    if (!fields.is_null("num_key_value_heads"))
      c.kv_heads = fields.integer({"num_key_value_heads"}, d.kv_heads ? d.kv_heads : c.heads);
    c.head_dim = fields.integer({"head_dim"}, d.head_dim ? d.head_dim : c.head_dim);
  } else {
    require(c.hidden % c.heads == 0, where, ": field \"hidden_size\" is ", c.hidden,
            ", expected a multiple of the ", c.heads, " heads");
  }
  c.embed_dim = c.hidden;
  c.norm_eps =
      static_cast<float>(c.family == FamilyId::opt
                             ? d.norm_eps
                             : fields.number({"rms_norm_eps", "layer_norm_epsilon"}, d.norm_eps));
  c.activation = c.family == FamilyId::gemma2
                     ? detail::parse_activation(fields, {"hidden_activation"}, d.activation)
                 : fixed_heads
                     ? detail::parse_activation(fields, {"activation_function"}, d.activation)
                     : detail::parse_activation(fields, {"hidden_act"}, d.activation);
  c.tied = fields.boolean({"tie_word_embeddings"}, d.tied);
  // Where a token is absent it has a default; where it is null there is none.
  const auto said = [&](const char* name) { return fields.find({name}) || fields.is_null(name); };
  c.bos = said("bos_token_id") ? fields.id("bos_token_id") : d.bos;
  c.pad = said("pad_token_id") ? fields.id("pad_token_id") : d.pad;
  if (said("eos_token_id"))
    out.eos = fields.ids("eos_token_id");
  else if (d.eos >= 0)
    out.eos = {d.eos};
  c.eos = out.eos.empty() ? -1 : out.eos.front();

  c.attention_bias = c.mlp_bias = false;
  if (c.family == FamilyId::gpt2) detail::read_gpt2(fields, c);
  if (c.family == FamilyId::opt) detail::read_opt(fields, c);
  if (c.family == FamilyId::gemma2) detail::read_gemma2(fields, c);
  if (c.family == FamilyId::llama || c.family == FamilyId::qwen3 || c.family == FamilyId::gemma2)
    c.attention_bias = fields.boolean({"attention_bias"}, false);
  if (c.family == FamilyId::llama) c.mlp_bias = fields.boolean({"mlp_bias"}, false);
  if (!fixed_heads) {
    detail::read_rope(fields, c);
    detail::read_windows(fields, c, d.window);
  }
  check(c, where);

  out.dtype = detail::parse_torch_dtype(fields);
  out.architectures = fields.texts({"architectures"});
  const bool classifies = !out.architectures.empty() &&
                          out.architectures.front().ends_with("ForSequenceClassification");
  if (const Json* labels = fields.find({"id2label"}); labels && labels->is_object())
    out.labels = static_cast<std::int64_t>(labels->size());
  else
    out.labels = fields.integer({"num_labels"}, classifies ? 2 : 0);
  return out;
}

inline HfConfig parse_hf_config(std::string_view text, const std::string& where) {
  return hf_config_from_json(parse_json(text, where), where);
}

inline HfConfig read_hf_config(const std::filesystem::path& file) {
  return hf_config_from_json(read_json(file), file.string());
}

// "LlamaForCausalLM", or "LlamaForSequenceClassification" for a model with a classification head.
inline std::string architecture_of(model::FamilyId id, bool classifies = false) {
  const std::string prefix(detail::defaults_of(id).prefix);
  if (classifies) return prefix + "ForSequenceClassification";
  return prefix + (id == model::FamilyId::gpt2 ? "LMHeadModel" : "ForCausalLM");
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
