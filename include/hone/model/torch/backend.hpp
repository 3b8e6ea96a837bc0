// The LibTorch backend: the decoder's operations on at::Tensor, gradients by autograd.
//
// The same Decoder template runs on it, which proves the seam and is the reference that the Native
// backend's values and gradients are tested against. Attention is computed with a dense mask: right
// for a forest of any shape, meant for modest lengths.
//
//   model::Decoder<model::Llama, model::Torch> decoder{config};
//   model::Torch::Pass pass{{.record = true}};
//   at::Tensor hidden = decoder.run(pass, forest);     // [T, hidden]
//   hidden.backward(gradient);
#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/kernel/rotary.hpp"
#include "hone/model/config.hpp"
#include "hone/model/layers.hpp"
#include "hone/model/parameter.hpp"
#include "hone/model/pass_options.hpp"

namespace hone {
inline namespace v0 {
namespace model {

// A trainable at::Tensor in the shape of the checkpoint, [out, in] or [out].
class TorchParameter {
 public:
  TorchParameter() = default;
  explicit TorchParameter(ParameterSpec spec)
      : spec_(std::move(spec)),
        tensor_(is_matrix() ? at::zeros({spec_.out, spec_.in}) : at::zeros({spec_.out})) {}

  const std::string& name() const { return spec_.name; }
  const ParameterSpec& spec() const { return spec_; }
  bool is_matrix() const { return spec_.in > 0; }
  std::int64_t out() const { return spec_.out; }
  std::int64_t in() const { return spec_.in; }
  std::int64_t count() const { return spec_.out * (is_matrix() ? spec_.in : 1); }

  const at::Tensor& tensor() const { return tensor_; }
  bool trainable() const { return tensor_.requires_grad(); }
  void set_trainable(bool on) {
    tensor_.set_requires_grad(on);
    if (!on) tensor_.mutable_grad() = at::Tensor();
  }
  void zero_gradient() { tensor_.mutable_grad() = at::Tensor(); }

  std::vector<std::int64_t> file_shape() const {
    if (!is_matrix()) return {spec_.out};
    if (spec_.transposed_file) return {spec_.in, spec_.out};
    return {spec_.out, spec_.in};
  }
  void from_file(std::span<const float> rows) {
    at::NoGradGuard guard;
    at::Tensor t = at::from_blob(const_cast<float*>(rows.data()), file_shape());
    tensor_.copy_(is_matrix() && spec_.transposed_file ? t.t() : t);
  }
  void to_file(std::span<float> rows) const { copy_out(tensor_.detach(), rows); }
  void gradient_to_file(std::span<float> rows) const {
    require(tensor_.grad().defined(), name(), ": has no gradient");
    copy_out(tensor_.grad(), rows);
  }

  // The values that the Native backend's Parameter of this name would draw.
  void randomise(std::uint64_t seed, float deviation) {
    Parameter native(spec_);
    native.randomise(seed, deviation);
    std::vector<float> rows(static_cast<std::size_t>(count()));
    native.to_file(rows);
    from_file(rows);
  }

 private:
  void copy_out(const at::Tensor& from, std::span<float> rows) const {
    require(static_cast<std::int64_t>(rows.size()) == count(), name(), ": room for ", rows.size(),
            " values, expected ", count());
    const at::Tensor t =
        (is_matrix() && spec_.transposed_file ? from.t() : from).contiguous().to(at::kFloat);
    std::memcpy(rows.data(), t.data_ptr<float>(), rows.size() * sizeof(float));
  }

  ParameterSpec spec_;
  at::Tensor tensor_;
};

namespace detail {

// Whether token i of a forest sees token j, [T, T].
inline at::Tensor visibility(const Forest& forest, std::int64_t window) {
  const std::int64_t n = forest.size();
  at::Tensor mask = at::zeros({n, n}, at::kBool);
  auto* m = mask.data_ptr<bool>();
  const auto segments = forest.segments();
  for (std::size_t s = 0; s < segments.size(); ++s)
    for (std::int32_t a = static_cast<std::int32_t>(s); a >= 0;
         a = segments[static_cast<std::size_t>(a)].parent) {
      const Segment& own = segments[s];
      const Segment& seen = segments[static_cast<std::size_t>(a)];
      for (std::int64_t i = own.begin; i < own.end(); ++i)
        for (std::int64_t j = seen.begin; j < seen.end(); ++j) {
          const std::int64_t distance =
              (own.position + i - own.begin) - (seen.position + j - seen.begin);
          m[i * n + j] = distance >= 0 && (window == 0 || distance < window);
        }
    }
  return mask;
}

// Runs f(x) without keeping what is inside and runs it again when its gradient is wanted. The pass
// owns f and must outlive the backward pass.
struct Recompute : torch::autograd::Function<Recompute> {
  using F = std::function<at::Tensor(const at::Tensor&)>;

  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x,
                            const at::Tensor& /*a leaf that learns: asks for backward()*/,
                            const F* f) {
    ctx->save_for_backward({x});
    ctx->saved_data["f"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(f));
    at::NoGradGuard guard;
    return (*f)(x);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const auto* f = reinterpret_cast<const F*>(ctx->saved_data["f"].toInt());
    at::AutoGradMode on(true);
    at::Tensor x = ctx->get_saved_variables()[0].detach();
    x.set_requires_grad(true);
    at::Tensor y = (*f)(x);
    y.backward(grads[0]);
    return {x.grad(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace detail

struct Torch {
  using Parameter = TorchParameter;
  using Tensor = at::Tensor;

  // Cosines and sines [positions, head_dim / 2], as long as they have been needed.
  struct Rotary {
    Config config;
    std::int64_t positions = 0;
    at::Tensor cos = {}, sin = {};

    std::int64_t head_dim() const { return config.head_dim; }
    void extend(std::int64_t n) {
      if (n <= positions) return;
      positions = n;
      const std::int64_t half = config.head_dim / 2;
      at::Tensor angle = at::empty({n, half});
      auto* a = angle.data_ptr<float>();
      const std::vector<float> frequencies = frequencies_of(config);
      for (std::int64_t p = 0; p < n; ++p)
        for (std::int64_t i = 0; i < half; ++i)
          a[p * half + i] = static_cast<float>(p) * frequencies[static_cast<std::size_t>(i)];
      cos = angle.cos();
      sin = angle.sin();
    }

    // theta^(-2i / head_dim), rescaled where the checkpoint asks for Llama-3's long contexts.
    static std::vector<float> frequencies_of(const Config& c) {
      std::vector<float> out;
      for (std::int64_t i = 0; i < c.head_dim / 2; ++i) {
        const double power = static_cast<double>(2 * i) / static_cast<double>(c.head_dim);
        double f = 1.0 / std::pow(static_cast<double>(c.rope_theta), power);
        const RopeScaling& s = c.rope_scaling;
        if (s.factor != 1.0f) {
          const double length = static_cast<double>(s.original_max_positions);
          const double wavelength = 2 * M_PI / f;
          if (wavelength > length / static_cast<double>(s.low_freq_factor)) {
            f /= static_cast<double>(s.factor);
          } else if (wavelength >= length / static_cast<double>(s.high_freq_factor)) {
            const double smooth = (length / wavelength - static_cast<double>(s.low_freq_factor)) /
                                  static_cast<double>(s.high_freq_factor - s.low_freq_factor);
            f = (1 - smooth) * f / static_cast<double>(s.factor) + smooth * f;
          }
        }
        out.push_back(static_cast<float>(f));
      }
      return out;
    }
  };

  static Rotary make_rotary(const Config& c) { return {.config = c}; }

  class Pass;
};

class Torch::Pass {
 public:
  explicit Pass(PassOptions options = {}) : options_(options), grad_(options.record) {}

  bool recording() const { return options_.record; }
  bool adapters() const { return options_.adapters; }

  at::Tensor embed(TorchParameter& table, std::span<const std::int32_t> rows, float scale) {
    at::Tensor index = at::empty({static_cast<std::int64_t>(rows.size())}, at::kLong);
    for (std::size_t i = 0; i < rows.size(); ++i) index.data_ptr<std::int64_t>()[i] = rows[i];
    return at::embedding(table.tensor(), index) * scale;
  }

  at::Tensor linear(const at::Tensor& x, TorchParameter& w, TorchParameter* bias) {
    return at::linear(x, w.tensor(), bias ? bias->tensor() : at::Tensor());
  }

  template <std::size_t N>
  std::array<at::Tensor, N> linear(const at::Tensor& x,
                                   const std::array<LinearWeights<TorchParameter>, N>& layers) {
    std::array<at::Tensor, N> ys;
    for (std::size_t i = 0; i < N; ++i) ys[i] = linear(x, *layers[i].weight, layers[i].bias);
    return ys;
  }

  at::Tensor rms_norm(const at::Tensor& x, TorchParameter& w, float offset, float eps) {
    return x * (x.pow(2).mean(-1, true) + eps).rsqrt() * (w.tensor() + offset);
  }

  at::Tensor head_norm(const at::Tensor& x, TorchParameter& w, float offset, float eps) {
    return rms_norm(x.reshape({x.size(0), -1, w.out()}), w, offset, eps).reshape(x.sizes());
  }

  at::Tensor layer_norm(const at::Tensor& x, TorchParameter& w, TorchParameter& b, float eps) {
    return at::layer_norm(x, {x.size(-1)}, w.tensor(), b.tensor(), eps);
  }

  at::Tensor rotary(const at::Tensor& x, const Rotary& table,
                    const std::shared_ptr<const std::vector<std::int32_t>>& positions) {
    at::Tensor index = at::empty({x.size(0)}, at::kLong);
    for (std::size_t i = 0; i < positions->size(); ++i)
      index.data_ptr<std::int64_t>()[i] = (*positions)[i];
    const at::Tensor cos = table.cos.index_select(0, index).unsqueeze(1);  // [T, 1, half]
    const at::Tensor sin = table.sin.index_select(0, index).unsqueeze(1);
    const std::int64_t half = table.head_dim() / 2;
    const at::Tensor h = x.reshape({x.size(0), -1, table.head_dim()});
    const at::Tensor a = h.narrow(2, 0, half), b = h.narrow(2, half, half);
    return at::cat({a * cos - b * sin, b * cos + a * sin}, 2).reshape(x.sizes());
  }

  at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const Forest& forest, const AttentionNumbers& n) {
    const std::int64_t t = q.size(0);
    const at::Tensor qh = q.reshape({t, n.heads, n.head_dim}).transpose(0, 1);  // [H, T, d]
    auto grouped = [&](const at::Tensor& x) {
      return x.reshape({t, n.kv_heads, n.head_dim})
          .transpose(0, 1)
          .repeat_interleave(n.heads / n.kv_heads, 0);
    };
    at::Tensor scores = at::matmul(qh, grouped(k).transpose(1, 2)) * n.scale;  // [H, T, T]
    if (n.softcap > 0) scores = n.softcap * (scores / n.softcap).tanh();
    scores = scores.masked_fill(detail::visibility(forest, n.window).logical_not(),
                                -std::numeric_limits<double>::infinity());
    return at::matmul(scores.softmax(-1), grouped(v)).transpose(0, 1).reshape({t, -1});
  }

  at::Tensor activate(const at::Tensor& x, Activation a) {
    switch (a) {
      case Activation::relu:
        return x.relu();
      case Activation::gelu_tanh:
        return at::gelu(x, "tanh");
      case Activation::gelu_erf:
        return at::gelu(x, "none");
      case Activation::silu:
        return at::silu(x);
    }
    fail("activation ", static_cast<int>(a), " is unknown");
  }

  at::Tensor gated(const at::Tensor& gate, const at::Tensor& up, Activation a) {
    return activate(gate, a) * up;
  }
  at::Tensor add(const at::Tensor& a, const at::Tensor& b) { return a + b; }
  at::Tensor add_scaled(const at::Tensor& y, const at::Tensor& x, float scale) {
    return y + x * scale;
  }
  at::Tensor columns(const at::Tensor& x, std::int64_t first, std::int64_t count) const {
    return x.narrow(1, first, count);
  }

  template <class F>
  at::Tensor checkpoint(const at::Tensor& x, F f) {
    if (!options_.record || !options_.checkpoint) return f(*this, x);
    kept_.push_back(std::make_shared<detail::Recompute::F>(
        [this, f](const at::Tensor& in) { return f(*this, in); }));
    return detail::Recompute::apply(x, at::zeros({1}).set_requires_grad(true),
                                    static_cast<const detail::Recompute::F*>(kept_.back().get()));
  }

 private:
  PassOptions options_;
  at::AutoGradMode grad_;
  std::vector<std::shared_ptr<detail::Recompute::F>> kept_;
};

}  // namespace model
}  // namespace v0
}  // namespace hone
