// A decoder-only language model without its head: tokens in, hidden states out.
//
// One template serves every family and every backend. Structure comes from Family::traits at
// compile time, numbers from Config, arithmetic from Backend::Pass. Attention is a callable, so
// that the same code runs over a packed forest (training, scoring) and over key-value caches
// (generation):
//
//   model::Decoder<model::Llama> decoder{config};
//   model::Native::Pass pass{{.record = true}};
//   auto hidden = decoder.run(pass, forest);            // [T, hidden], after the final norm
//   ... write the loss's gradient into hidden.gradient() ...
//   pass.backward();                                    // adds to each parameter's gradient
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/model/config.hpp"
#include "hone/model/family.hpp"
#include "hone/model/layers.hpp"
#include "hone/model/native.hpp"

namespace hone {
inline namespace v0 {
namespace model {

// Positions of a forest's tokens in their sequences, [T].
inline std::vector<std::int32_t> positions_of(const Forest& forest) {
  std::vector<std::int32_t> out;
  out.reserve(static_cast<std::size_t>(forest.size()));
  for (const Segment& s : forest.segments())
    for (std::int32_t i = 0; i < s.length; ++i) out.push_back(s.position + i);
  return out;
}

// An observer of the residual stream that looks at nothing.
struct NoObserver {
  template <class T>
  void operator()(std::int64_t, const T&) const {}
};

template <class FamilyType, class BackendType = Native>
class Decoder {
 public:
  using Family = FamilyType;
  using Backend = BackendType;
  using Parameter = typename Backend::Parameter;
  using Tensor = typename Backend::Tensor;
  using Pass = typename Backend::Pass;
  static constexpr const Traits& traits = Family::traits;

  // All parameters zero, none trainable; see checkpoint::load and randomise.
  explicit Decoder(const Config& config) : config_(config), rotary_(make_rotary(config)) {
    check(config, "Config");
    require(config.family == traits.id, "Decoder: the config is of family ", name_of(config.family),
            ", expected ", name_of(traits.id));
    const TensorNames& n = traits.names;
    embedding_ = matrix(n.embedding, config.vocab, config.embed_dim, false);
    if constexpr (traits.positions == Positions::learned)
      positions_ =
          matrix(n.positions, config.max_positions + traits.position_offset, config.hidden, false);
    if (config.embed_dim != config.hidden) {
      require(!n.project_in.empty(), "Config: word_embed_proj_dim is ", config.embed_dim,
              ", expected hidden_size, ", config.hidden);
      project_in_ = linear(std::string(n.project_in), config.hidden, config.embed_dim, false);
      project_out_ = linear(std::string(n.project_out), config.embed_dim, config.hidden, false);
    }
    layers_.reserve(static_cast<std::size_t>(config.layers));
    for (std::int64_t i = 0; i < config.layers; ++i) layers_.push_back(make_layer(i));
    if (config.final_norm) final_norm_ = norm(std::string(n.final_norm), config.hidden);
    if (!config.tied) head_ = matrix(n.head, config.vocab, config.embed_dim, false);
  }

  const Config& config() const { return config_; }

  // The width of what run() returns and the head reads.
  std::int64_t width() const { return config_.embed_dim; }

  // The language-model head [vocab, width]; the embedding itself where the two are tied.
  Parameter& head() { return head_ ? *head_ : embedding_; }
  const Parameter& head() const { return head_ ? *head_ : embedding_; }

  // Counts changes of the weights. What was computed at another version (a cache of keys and
  // values) is not valid any more.
  std::uint64_t version() const { return version_; }
  void touch() { ++version_; }

  // Hidden states [T, width] of a forest's tokens. observe(i, h): the residual stream before layer
  // i, for i = layers: after the last layer.
  template <class Observe = NoObserver>
  Tensor run(Pass& pass, const Forest& forest, Observe&& observe = {}) {
    return run(pass, forest.tokens(), positions_of(forest), attention_to(forest), observe);
  }

  // The same with attention given: attend(pass, layer, q, k, v, numbers) -> [T, heads * head_dim].
  template <class Attend, class Observe = NoObserver>
  Tensor run(Pass& pass, std::span<const Token> tokens, std::span<const std::int32_t> positions,
             Attend&& attend, Observe&& observe = {}) {
    const Tensor h = embed(pass, tokens, positions);
    return finish(pass, run_layers(pass, h, 0, config_.layers, positions, attend, observe));
  }

  // The residual stream [T, hidden] before layer `end`: what run() computes up to there.
  Tensor run_until(Pass& pass, const Forest& forest, std::int64_t end) {
    const std::vector<std::int32_t> positions = positions_of(forest);
    return run_layers(pass, embed(pass, forest.tokens(), positions), 0, end, positions,
                      attention_to(forest), NoObserver{});
  }

  // The rest of run(), from the residual stream before layer `begin` on. Both together are run()
  // bit for bit.
  Tensor run_from(Pass& pass, const Forest& forest, std::int64_t begin, const Tensor& h) {
    return finish(pass, run_layers(pass, h, begin, config_.layers, positions_of(forest),
                                   attention_to(forest), NoObserver{}));
  }

  // Calls f(parameter) for each weight of the model in a fixed order; adapters are not among them.
  template <class F>
  void for_each_parameter(F&& f) {
    visit(*this, f);
  }
  template <class F>
  void for_each_parameter(F&& f) const {
    visit(*this, f);
  }

  // Calls f(linear) for each linear layer that may carry an adapter, in a fixed order.
  template <class F>
  void for_each_linear(F&& f) {
    for (auto& l : layers_) visit_linears(l, f);
  }
  template <class F>
  void for_each_linear(F&& f) const {
    for (const auto& l : layers_) visit_linears(l, f);
  }

  // The parameters that lie below the final norm, with the layer of each; -1: what the first layer
  // reads. f(layer, parameter).
  template <class F>
  void for_each_layer_parameter(F&& f) const {
    const auto below = [&f](const Parameter& p) { f(std::int64_t{-1}, p); };
    below(embedding_);
    if constexpr (traits.positions == Positions::learned) below(positions_);
    if (project_in_) below(project_in_->weight);
    for (std::int64_t i = 0; i < config_.layers; ++i)
      visit_layer(layers_[static_cast<std::size_t>(i)], [&](const Parameter& p) { f(i, p); });
  }

  // The linear layers that may carry an adapter, with the layer of each. f(layer, linear).
  template <class F>
  void for_each_layer_linear(F&& f) const {
    for (std::int64_t i = 0; i < config_.layers; ++i)
      visit_linears(layers_[static_cast<std::size_t>(i)], [&](const auto& l) { f(i, l); });
  }

  // Trains the layers from `first` on and the final norm; embeddings, head and lower layers stay
  // as they are unless first is 0 or below, which trains everything.
  void train_from_layer(std::int64_t first) {
    for_each_parameter([&](Parameter& p) { p.set_trainable(first <= 0); });
    if (first <= 0) return;
    auto on = [](Parameter& p) { p.set_trainable(true); };
    for (std::int64_t i = first; i < config_.layers; ++i)
      visit_layer(layers_[static_cast<std::size_t>(i)], on);
    if (final_norm_) visit_norm(*final_norm_, on);
  }

  // Fresh weights as GPT-2 draws them: normal, deviation 0.02, projections into the residual stream
  // divided by sqrt(2 layers); norms one, biases zero.
  void randomise(std::uint64_t seed, float deviation = 0.02f) {
    const float residual = deviation / std::sqrt(2.0f * static_cast<float>(config_.layers));
    for_each_parameter([&](Parameter& p) {
      if (p.is_matrix()) {
        const bool into_residual = p.name().find("o_proj") != std::string::npos ||
                                   p.name().find("down_proj") != std::string::npos ||
                                   p.name().find("c_proj") != std::string::npos ||
                                   p.name().find("out_proj") != std::string::npos ||
                                   p.name().find("fc2") != std::string::npos;
        p.randomise(seed, into_residual ? residual : deviation);
      } else {
        const bool is_bias = p.name().ends_with(".bias");
        const float value = is_bias || traits.norm_offset != 0.0f ? 0.0f : 1.0f;
        std::vector<float> v(static_cast<std::size_t>(p.count()), value);
        p.from_file(v);
      }
    });
    touch();
  }

 private:
  using LinearLayer = Linear<Parameter>;
  using NormLayer = Norm<Parameter>;
  struct Layer {
    NormLayer attention_norm, mlp_norm;
    std::optional<NormLayer> attention_post_norm, mlp_post_norm;
    std::optional<NormLayer> q_norm, k_norm;
    std::optional<LinearLayer> qkv, q, k, v, gate;
    LinearLayer o, up, down;
  };

  static typename Backend::Rotary make_rotary(const Config& c) {
    if constexpr (traits.positions == Positions::rotary)
      return Backend::make_rotary(c);
    else
      return {};
  }

  static bool has_bias(Bias bias, bool from_config) {
    return bias == Bias::always || (bias == Bias::config && from_config);
  }

  static Parameter matrix(std::string_view name, std::int64_t out, std::int64_t in,
                          bool transposed) {
    return Parameter({.name = std::string(name) + ".weight",
                      .out = out,
                      .in = in,
                      .transposed_file = transposed,
                      .decay = true});
  }

  static LinearLayer linear(const std::string& module, std::int64_t out, std::int64_t in,
                            bool bias) {
    LinearLayer l;
    l.module = module;
    l.weight = matrix(module, out, in, traits.transposed_linear);
    if (bias) l.bias = Parameter({.name = module + ".bias", .out = out});
    return l;
  }

  static NormLayer norm(const std::string& module, std::int64_t size) {
    NormLayer n;
    n.weight = Parameter({.name = module + ".weight", .out = size});
    if constexpr (traits.norm == NormKind::layer)
      n.bias = Parameter({.name = module + ".bias", .out = size});
    return n;
  }

  Layer make_layer(std::int64_t i) const {
    const TensorNames& n = traits.names;
    const Config& c = config_;
    const std::string prefix = std::string(n.layer) + std::to_string(i) + ".";
    auto name = [&](std::string_view part) { return prefix + std::string(part); };
    const std::int64_t q_size = c.heads * c.head_dim, kv_size = c.kv_heads * c.head_dim;
    const bool qkv_bias = has_bias(traits.qkv_bias, c.attention_bias);
    const bool mlp_bias = has_bias(traits.mlp_bias, c.mlp_bias);
    Layer l;
    l.attention_norm = norm(name(n.attention_norm), c.hidden);
    l.mlp_norm = norm(name(n.mlp_norm), c.hidden);
    if constexpr (traits.post_norms) {
      l.attention_post_norm = norm(name(n.attention_post_norm), c.hidden);
      l.mlp_post_norm = norm(name(n.mlp_post_norm), c.hidden);
    }
    if constexpr (traits.fused_qkv) {
      l.qkv = linear(name(n.qkv), q_size + 2 * kv_size, c.hidden, qkv_bias);
    } else {
      l.q = linear(name(n.q), q_size, c.hidden, qkv_bias);
      l.k = linear(name(n.k), kv_size, c.hidden, qkv_bias);
      l.v = linear(name(n.v), kv_size, c.hidden, qkv_bias);
    }
    if constexpr (traits.head_norm) {
      l.q_norm = norm(name(n.q_norm), c.head_dim);
      l.k_norm = norm(name(n.k_norm), c.head_dim);
    }
    l.o = linear(name(n.o), c.hidden, q_size, has_bias(traits.output_bias, c.attention_bias));
    if constexpr (traits.gated_mlp) l.gate = linear(name(n.gate), c.mlp, c.hidden, mlp_bias);
    l.up = linear(name(n.up), c.mlp, c.hidden, mlp_bias);
    l.down = linear(name(n.down), c.hidden, c.mlp, mlp_bias);
    return l;
  }

  void check_input(std::span<const Token> tokens, std::span<const std::int32_t> positions) const {
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      require(tokens[t] >= 0 && tokens[t] < config_.vocab, "token ", t, " is ", tokens[t],
              ", expected an id in [0, ", config_.vocab, ")");
      require(positions[t] >= 0 && positions[t] < config_.max_positions, "token ", t,
              " is at position ", positions[t], ", expected at most ", config_.max_positions - 1,
              " (max_position_embeddings)");
    }
  }

  AttentionNumbers attention_numbers(std::int64_t layer) const {
    const Config& c = config_;
    return {.heads = c.heads,
            .kv_heads = c.kv_heads,
            .head_dim = c.head_dim,
            .scale = c.query_scale > 0 ? c.query_scale
                                       : 1.0f / std::sqrt(static_cast<float>(c.head_dim)),
            .softcap = c.attention_softcap,
            .window = c.windowed(layer) ? c.sliding_window : 0};
  }

  static LinearWeights<Parameter> weights(LinearLayer& l) {
    return {&l.weight, l.bias ? &*l.bias : nullptr};
  }

  // Layers that read the same x, together; with adapters one by one, so that each is recorded next
  // to its own.
  template <class... Layers>
  std::array<Tensor, sizeof...(Layers)> apply_all(Pass& pass, const Tensor& x,
                                                  Layers&... layers) const {
    if (pass.adapters() && (... || layers.adapter.has_value())) return {apply(pass, layers, x)...};
    return pass.linear(x, std::array{weights(layers)...});
  }

  Tensor apply(Pass& pass, LinearLayer& l, const Tensor& x) const {
    Tensor y = pass.linear(x, l.weight, l.bias ? &*l.bias : nullptr);
    if (l.adapter && pass.adapters())
      y = pass.add_scaled(y,
                          pass.linear(pass.linear(x, l.adapter->a, nullptr), l.adapter->b, nullptr),
                          l.adapter->scale);
    return y;
  }

  Tensor apply(Pass& pass, NormLayer& n, const Tensor& x) const {
    if constexpr (traits.norm == NormKind::rms)
      return pass.rms_norm(x, n.weight, traits.norm_offset, config_.norm_eps);
    else
      return pass.layer_norm(x, n.weight, *n.bias, config_.norm_eps);
  }

  static auto attention_to(const Forest& forest) {
    return [&forest](Pass& p, std::int64_t, const Tensor& q, const Tensor& k, const Tensor& v,
                     const AttentionNumbers& numbers) {
      return p.attention(q, k, v, forest, numbers);
    };
  }

  // What the first layer reads.
  Tensor embed(Pass& pass, std::span<const Token> tokens, std::span<const std::int32_t> positions) {
    check_input(tokens, positions);
    const float scale =
        traits.scaled_embedding ? std::sqrt(static_cast<float>(config_.hidden)) : 1.0f;
    Tensor h = pass.embed(embedding_, tokens, scale);
    if (project_in_) h = apply(pass, *project_in_, h);
    if constexpr (traits.positions == Positions::learned) {
      std::vector<std::int32_t> rows(positions.begin(), positions.end());
      for (std::int32_t& r : rows) r += traits.position_offset;
      h = pass.add(h, pass.embed(positions_, rows, 1.0f));
    }
    return h;
  }

  template <class Attend, class Observe>
  Tensor run_layers(Pass& pass, Tensor h, std::int64_t begin, std::int64_t end,
                    std::span<const std::int32_t> positions, const Attend& attend,
                    Observe&& observe) {
    if constexpr (traits.positions == Positions::rotary)
      rotary_.extend(positions.empty() ? 0
                                       : *std::max_element(positions.begin(), positions.end()) + 1);
    // The positions live as long as the pass: closures of a recorded pass read them later.
    const auto shared =
        std::make_shared<const std::vector<std::int32_t>>(positions.begin(), positions.end());
    for (std::int64_t i = begin; i < end; ++i) {
      observe(i, h);
      h = pass.checkpoint(h, [this, i, shared, attend](Pass& p, const Tensor& x) {
        return block(p, i, x, shared, attend);
      });
    }
    if (end == config_.layers) observe(end, h);
    return h;
  }

  // What the head reads.
  Tensor finish(Pass& pass, Tensor h) {
    if (final_norm_) h = apply(pass, *final_norm_, h);
    if (project_out_) h = apply(pass, *project_out_, h);
    return h;
  }

  // One layer: h + attention(norm(h)), then h + mlp(norm(h)).
  template <class Attend>
  Tensor block(Pass& pass, std::int64_t i, const Tensor& h0,
               const std::shared_ptr<const std::vector<std::int32_t>>& positions,
               const Attend& attend) {
    Layer& l = layers_[static_cast<std::size_t>(i)];
    Tensor y = attention(pass, i, l, config_.norm_before ? apply(pass, l.attention_norm, h0) : h0,
                         positions, attend);
    if constexpr (traits.post_norms) y = apply(pass, *l.attention_post_norm, y);
    Tensor h = pass.add(h0, y);
    if (!config_.norm_before) h = apply(pass, l.attention_norm, h);

    y = mlp(pass, l, config_.norm_before ? apply(pass, l.mlp_norm, h) : h);
    if constexpr (traits.post_norms) y = apply(pass, *l.mlp_post_norm, y);
    h = pass.add(h, y);
    if (!config_.norm_before) h = apply(pass, l.mlp_norm, h);
    return h;
  }

  template <class Attend>
  Tensor attention(Pass& pass, std::int64_t i, Layer& l, const Tensor& x,
                   const std::shared_ptr<const std::vector<std::int32_t>>& positions,
                   const Attend& attend) {
    const AttentionNumbers numbers = attention_numbers(i);
    const std::int64_t q_size = numbers.heads * numbers.head_dim;
    const std::int64_t kv_size = numbers.kv_heads * numbers.head_dim;
    Tensor q, k, v;
    if constexpr (traits.fused_qkv) {
      const Tensor all = apply(pass, *l.qkv, x);
      q = pass.columns(all, 0, q_size);
      k = pass.columns(all, q_size, kv_size);
      v = pass.columns(all, q_size + kv_size, kv_size);
    } else {
      std::array qkv = apply_all(pass, x, *l.q, *l.k, *l.v);
      q = std::move(qkv[0]), k = std::move(qkv[1]), v = std::move(qkv[2]);
    }
    if constexpr (traits.head_norm) {
      q = pass.head_norm(q, l.q_norm->weight, traits.norm_offset, config_.norm_eps);
      k = pass.head_norm(k, l.k_norm->weight, traits.norm_offset, config_.norm_eps);
    }
    if constexpr (traits.positions == Positions::rotary) {
      q = pass.rotary(q, rotary_, positions);
      k = pass.rotary(k, rotary_, positions);
    }
    return apply(pass, l.o, attend(pass, i, q, k, v, numbers));
  }

  Tensor mlp(Pass& pass, Layer& l, const Tensor& x) {
    if constexpr (traits.gated_mlp) {
      const auto [gate, up] = apply_all(pass, x, *l.gate, l.up);
      return apply(pass, l.down, pass.gated(gate, up, config_.activation));
    } else {
      return apply(pass, l.down, pass.activate(apply(pass, l.up, x), config_.activation));
    }
  }

  template <class N, class F>
  static void visit_norm(N& n, F&& f) {
    f(n.weight);
    if (n.bias) f(*n.bias);
  }

  template <class L, class F>
  static void visit_linears(L& l, F&& f) {
    for (auto* o : {&l.qkv, &l.q, &l.k, &l.v})
      if (*o) f(**o);
    f(l.o);
    if (l.gate) f(*l.gate);
    f(l.up);
    f(l.down);
  }

  template <class L, class F>
  static void visit_layer(L& l, F&& f) {
    visit_norm(l.attention_norm, f);
    for (auto* n : {&l.attention_post_norm, &l.q_norm, &l.k_norm, &l.mlp_post_norm})
      if (*n) visit_norm(**n, f);
    visit_norm(l.mlp_norm, f);
    visit_linears(l, [&f](auto& linear) {
      f(linear.weight);
      if (linear.bias) f(*linear.bias);
    });
  }

  template <class Self, class F>
  static void visit(Self& self, F& f) {
    f(self.embedding_);
    if constexpr (traits.positions == Positions::learned) f(self.positions_);
    for (auto* l : {&self.project_in_, &self.project_out_})
      if (*l) f((*l)->weight);
    for (auto& l : self.layers_) visit_layer(l, f);
    if (self.final_norm_) visit_norm(*self.final_norm_, f);
    if (self.head_) f(*self.head_);
  }

  Config config_;
  typename Backend::Rotary rotary_;
  Parameter embedding_;
  Parameter positions_;
  std::optional<LinearLayer> project_in_, project_out_;
  std::vector<Layer> layers_;
  std::optional<NormLayer> final_norm_;
  std::optional<Parameter> head_;
  std::uint64_t version_ = 0;
};

}  // namespace model
}  // namespace v0
}  // namespace hone
