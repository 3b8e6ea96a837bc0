// Small models of every structure that a checkpoint can ask for, as types for typed tests: a
// family, and what its checkpoints differ in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/model/decoder.hpp"

namespace hone::test {

namespace structure {

struct Gpt2 {
  using Family = model::Gpt2;
  static constexpr const char* name = "gpt2";
  static void set(model::Config& c) {
    c.kv_heads = c.heads;
    c.activation = model::Activation::gelu_tanh;
  }
};

struct Opt {
  using Family = model::Opt;
  static constexpr const char* name = "opt";
  static void set(model::Config& c) {
    c.kv_heads = c.heads;
    c.activation = model::Activation::relu;
    c.attention_bias = c.mlp_bias = true;
  }
};

// Norms after each part, none at the end, and embeddings of another width, projected in and out.
struct Opt350m : Opt {
  static constexpr const char* name = "opt_350m";
  static void set(model::Config& c) {
    Opt::set(c);
    c.embed_dim = c.hidden - 8;
    c.norm_before = c.final_norm = false;
  }
};

struct Llama {
  using Family = model::Llama;
  static constexpr const char* name = "llama";
  static void set(model::Config&) {}
};

struct LlamaWithBiases : Llama {
  static constexpr const char* name = "llama_with_biases";
  static void set(model::Config& c) {
    c.attention_bias = c.mlp_bias = true;
    c.tied = false;
  }
};

// Of the frequencies some are kept, some are rescaled and one lies between.
struct ScaledLlama : Llama {
  static constexpr const char* name = "scaled_llama";
  static void set(model::Config& c) {
    c.rope_theta = 500.0f;
    c.rope_scaling = {.factor = 4.0f, .original_max_positions = 64};
  }
};

struct Mistral {
  using Family = model::Mistral;
  static constexpr const char* name = "mistral";
  static void set(model::Config& c) { c.sliding_window = 5; }
};

struct Qwen2 {
  using Family = model::Qwen2;
  static constexpr const char* name = "qwen2";
  static void set(model::Config& c) {
    c.sliding_window = 9;
    c.window_from = 1;
  }
};

// Heads that are wider than their share of the hidden state.
struct Qwen3 {
  using Family = model::Qwen3;
  static constexpr const char* name = "qwen3";
  static void set(model::Config& c) { c.head_dim = c.hidden / c.heads + 2; }
};

struct Gemma2 {
  using Family = model::Gemma2;
  static constexpr const char* name = "gemma2";
  static void set(model::Config& c) {
    c.activation = model::Activation::gelu_tanh;
    c.attention_softcap = 5.0f;
    c.final_softcap = 4.0f;
    c.query_scale = 0.3f;
    c.sliding_window = 7;
    c.window_every = 2;
  }
};

// For TYPED_TEST_SUITE.
struct Names {
  template <class Structure>
  static std::string GetName(int) {
    return Structure::name;
  }
};

}  // namespace structure

template <class Structure>
model::Config config_of() {
  model::Config c{.family = Structure::Family::traits.id,
                  .vocab = 101,  // no tile divides it
                  .hidden = 32,
                  .layers = 2,
                  .heads = 4,
                  .kv_heads = 2,
                  .head_dim = 8,
                  .mlp = 48,
                  .max_positions = 256,
                  .embed_dim = 32};
  Structure::set(c);
  return c;
}

// Moves biases and norm weights away from the zeros and ones that they begin with.
template <class Decoder>
void randomise_vectors(Decoder& decoder) {
  std::uint64_t index = 0;
  decoder.for_each_parameter([&](auto& p) {
    ++index;
    if (p.is_matrix()) return;
    std::vector<float> values(static_cast<std::size_t>(p.count()));
    p.to_file(values);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += 0.4f * (uniform({.seed = 3, .step = index, .sequence = i}) - 0.5f);
    p.from_file(values);
  });
  decoder.touch();
}

}  // namespace hone::test
