// A model::Config from the metadata of a GGUF file.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <string_view>
#include <vector>

#include "hone/checkpoint/gguf.hpp"
#include "hone/core/error.hpp"
#include "hone/model/config.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

namespace detail {

class GgufConfigReader {
 public:
  explicit GgufConfigReader(const Gguf& file) : file_(file) {
    const auto name = file_.text("general.architecture");
    require(name.has_value(), where(), ": metadata \"general.architecture\" is missing");
    architecture_ = std::string(*name);
    read_config();
  }

  const model::Config& config() const { return config_; }

 private:
  std::string_view where() const { return file_.where(); }

  std::string key(std::string_view name) const { return architecture_ + "." + std::string(name); }

  std::int64_t needed(std::string_view name) const {
    const auto value = file_.integer(key(name));
    require(value.has_value(), where(), ": metadata ", in_quotes(key(name)), " is missing");
    return *value;
  }

  void refuse(std::string_view name, std::string_view why) const {
    require(!file_.has_key(key(name)), where(), ": metadata ", in_quotes(key(name)), ": ", why);
  }

  bool same_bytes(std::string_view a, std::string_view b) const {
    const GgufTensor& x = file_.tensor(a);
    const GgufTensor& y = file_.tensor(b);
    return x.format == y.format && x.shape == y.shape &&
           std::equal(x.bytes.begin(), x.bytes.end(), y.bytes.begin(), y.bytes.end());
  }

  void read_config() {
    using model::FamilyId;
    model::Config& c = config_;
    constexpr std::array known = {FamilyId::gpt2, FamilyId::llama, FamilyId::qwen2, FamilyId::qwen3,
                                  FamilyId::gemma2};
    const auto family = std::find_if(known.begin(), known.end(), [&](FamilyId id) {
      return model::name_of(id) == architecture_;
    });
    require(family != known.end(), where(), ": the architecture is ", in_quotes(architecture_),
            ", expected gpt2, llama, qwen2, qwen3 or gemma2");
    c.family = *family;
    refuse("expert_count", "mixtures of experts are not supported");
    if (const auto type = file_.text(key("rope.scaling.type")); type && *type != "none")
      fail(where(), ": rope scaling of type ", in_quotes(*type), " is not supported");

    c.hidden = needed("embedding_length");
    c.layers = needed("block_count");
    c.heads = needed("attention.head_count");
    c.kv_heads = file_.integer(key("attention.head_count_kv"), c.heads);
    c.mlp = needed("feed_forward_length");
    c.max_positions = needed("context_length");
    c.embed_dim = c.hidden;
    require(c.heads > 0 && c.hidden > 0, where(), ": the model has ", c.heads, " heads and ",
            c.hidden, " hidden numbers");
    const std::int64_t rotated = file_.integer(key("rope.dimension_count"), c.hidden / c.heads);
    c.head_dim = file_.integer(key("attention.key_length"), rotated);
    const std::int64_t value_dim = file_.integer(key("attention.value_length"), c.head_dim);
    require(c.head_dim == value_dim, where(), ": keys have ", c.head_dim, " numbers and values ",
            value_dim, ", expected as many");
    const std::int64_t rope_dim = file_.integer(key("rope.dimension_count"), c.head_dim);
    require(c.head_dim == rope_dim, where(), ": ", rope_dim, " of ", c.head_dim,
            " numbers of a head are rotated, expected all");
    const bool gpt2 = c.family == FamilyId::gpt2;
    c.norm_eps = static_cast<float>(file_.number(
        key(gpt2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"), 1e-5));
    c.rope_theta = static_cast<float>(file_.number(key("rope.freq_base"), 10000.0));
    c.activation = gpt2                           ? model::Activation::gelu_tanh
                   : c.family == FamilyId::gemma2 ? model::Activation::gelu_tanh
                                                  : model::Activation::silu;
    if (c.family == FamilyId::gemma2) read_gemma();

    require(file_.has("token_embd.weight") && file_.shape("token_embd.weight").size() == 2, where(),
            ": tensor \"token_embd.weight\" is missing or no matrix");
    c.vocab = file_.shape("token_embd.weight")[0];
    c.tied = !file_.has("output.weight") || same_bytes("output.weight", "token_embd.weight");
    c.attention_bias = gpt2 || (c.family != FamilyId::qwen2 && file_.has("blk.0.attn_q.bias"));
    c.mlp_bias = gpt2 || file_.has("blk.0.ffn_up.bias");
    c.bos = file_.integer("tokenizer.ggml.bos_token_id", -1);
    c.eos = file_.integer("tokenizer.ggml.eos_token_id", -1);
    c.pad = file_.integer("tokenizer.ggml.padding_token_id", -1);
    check(c, where());
    if (file_.has("rope_freqs.weight")) read_rope_factors();
  }

  // The 27B model scales its queries by hidden / heads, the smaller ones by head_dim; the file does
  // not say.
  void read_gemma() {
    model::Config& c = config_;
    c.attention_softcap = static_cast<float>(file_.number(key("attn_logit_softcapping"), 50.0));
    c.final_softcap = static_cast<float>(file_.number(key("final_logit_softcapping"), 30.0));
    c.sliding_window = file_.integer(key("attention.sliding_window"), 4096);
    c.window_every = 2;
    const std::int64_t scalar = c.layers == 46 ? c.hidden / c.heads : c.head_dim;
    if (scalar > 0)
      c.query_scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(scalar)));
  }

  // Llama 3's rope scaling is stored as one factor per frequency. Its parameters are recovered, and
  // must reproduce the factors: frequencies of wavelength below original / high keep their factor
  // 1, those above original / low are divided by `factor`, those between are interpolated.
  void read_rope_factors() {
    model::Config& c = config_;
    const std::int64_t half = c.head_dim / 2;
    require(file_.shape("rope_freqs.weight") == Shape{half}, where(),
            ": tensor \"rope_freqs.weight\" has shape ",
            shape_text(file_.shape("rope_freqs.weight")), ", expected [", half, "]");
    std::vector<float> factors(static_cast<std::size_t>(half));
    file_.read("rope_freqs.weight", std::array{half}, factors);
    model::RopeScaling s{.low_freq_factor = 1.0f, .high_freq_factor = 4.0f};
    for (float f : factors) s.factor = std::max(s.factor, f);
    for (std::int64_t i = 0; i < half; ++i) {
      const double wavelength = 2 * std::numbers::pi * std::pow(c.rope_theta, 2.0 * i / c.head_dim);
      const auto original = static_cast<double>(s.original_max_positions);
      const double smooth =
          (original / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      const double expected =
          1 / ((1 - std::clamp(smooth, 0.0, 1.0)) / s.factor + std::clamp(smooth, 0.0, 1.0));
      const float found = factors[static_cast<std::size_t>(i)];
      require(std::abs(found - expected) <= 1e-3 * expected, where(),
              ": tensor \"rope_freqs.weight\" holds ", found, " at element ", i,
              ", which is not Llama 3's rope scaling by ", s.factor, " from 8192 positions (",
              expected, ")");
    }
    if (s.factor > 1.0f) c.rope_scaling = s;
  }

  const Gguf& file_;
  std::string architecture_;
  model::Config config_;
};

}  // namespace detail

// Throws where the file describes a model that hone does not have. Its head counts as tied if there
// is none, or if it is a copy of the embedding (converters store GPT-2 so).
inline model::Config gguf_config(const Gguf& file) {
  return detail::GgufConfigReader(file).config();
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
