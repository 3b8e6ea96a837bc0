// The Native backend: decoder operations on the CPU through hone's own kernels, forward and
// backward.
//
// Exact: each output element is one chain of fused multiply-adds in a fixed order, so a result does
// not depend on the batch, the thread count, the instruction set or on whether keys came from a
// cache. A pass that does not record keeps nothing but its current activations.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/kernel/activation.hpp"
#include "hone/kernel/attention.hpp"
#include "hone/kernel/elementwise.hpp"
#include "hone/kernel/embedding.hpp"
#include "hone/kernel/linear.hpp"
#include "hone/kernel/norm.hpp"
#include "hone/kernel/rotary.hpp"
#include "hone/model/config.hpp"
#include "hone/model/layers.hpp"
#include "hone/model/parameter.hpp"
#include "hone/model/pass_options.hpp"
#include "hone/model/tape.hpp"

namespace hone {
inline namespace v0 {
namespace model {

struct Native {
  using Parameter = model::Parameter;
  using Tensor = model::Tensor;
  using Rotary = kernel::RotaryTable;
  class Pass;

  static Rotary make_rotary(const Config& c) {
    return kernel::RotaryTable({.theta = c.rope_theta,
                                .head_dim = c.head_dim,
                                .factor = c.rope_scaling.factor,
                                .low_freq_factor = c.rope_scaling.low_freq_factor,
                                .high_freq_factor = c.rope_scaling.high_freq_factor,
                                .original_max_positions = c.rope_scaling.original_max_positions},
                               0);
  }
};

// One forward pass and, if it records, the backward pass that follows. Parameters must outlive it.
class Native::Pass {
 public:
  explicit Pass(PassOptions options = {}) : options_(options) {}

  bool recording() const { return options_.record; }
  bool adapters() const { return options_.adapters; }
  const PassOptions& options() const { return options_; }

  // Runs the closures of every recorded operation, last to first. The caller has put the gradient
  // into the last tensor's gradient().
  void backward() {
    cheap_.clear();
    tape_.backward();
  }

  // Numbers from elsewhere, [rows, cols]; no gradient flows into them.
  Tensor constant(std::int64_t rows, std::int64_t cols, std::span<const float> values) const {
    Tensor y(rows, cols, false);
    std::memcpy(y.data(), values.data(), values.size_bytes());
    return y;
  }

  // y[t] = scale table[rows[t]], [rows, table.in()].
  Tensor embed(Parameter& table, std::span<const std::int32_t> rows, float scale) {
    const kernel::EmbeddingShape shape{.rows = static_cast<std::int64_t>(rows.size()),
                                       .vocab = table.out(),
                                       .dim = table.in(),
                                       .scale = scale};
    Tensor y = make(shape.rows, shape.dim, table.trainable());
    kernel::embed(shape, table.value().data(), rows.data(), y.data());
    if (keeps(y))
      tape_.push([y, shape, &table, rows = std::vector<std::int32_t>(rows.begin(), rows.end())] {
        kernel::embed_backward(shape, rows.data(), y.gradient(), table.lookup_accumulator().data());
      });
    return y;
  }

  // y = x W^T + b.
  Tensor linear(const Tensor& x, Parameter& w, Parameter* bias) {
    return linear(x, std::array{LinearWeights<Parameter>{&w, bias}})[0];
  }

  // The same for layers that read the same x, computed together.
  template <std::size_t N>
  std::array<Tensor, N> linear(const Tensor& x,
                               const std::array<LinearWeights<Parameter>, N>& layers) {
    std::array<Tensor, N> ys;
    std::array<kernel::LinearOutput, N> outputs;
    for (std::size_t i = 0; i < N; ++i) {
      const auto [w, bias] = layers[i];
      const bool weights_learn = w->trainable() || (bias && bias->trainable());
      ys[i] = make(x.rows(), w->out(), x.needs_gradient() || weights_learn);
      outputs[i] = {.out = w->out(),
                    .panels = w->value().data(),
                    .bias = bias ? bias->value().data() : nullptr,
                    .y = ys[i].data(),
                    .ld_y = ys[i].stride()};
    }
    kernel::linear(x.rows(), x.cols(), x.data(), x.stride(), outputs);
    for (std::size_t i = 0; i < N; ++i)
      if (keeps(ys[i]))
        tape_.push([x, y = ys[i], layer = layers[i]] { linear_backward(x, y, layer); });
    return ys;
  }

  // y = x / rms(x) (offset + w), over whole rows.
  Tensor rms_norm(const Tensor& x, Parameter& w, float offset, float eps) {
    return grouped_rms_norm(x, w, offset, eps, 1);
  }

  // The same over each head of size w.out().
  Tensor head_norm(const Tensor& x, Parameter& w, float offset, float eps) {
    return grouped_rms_norm(x, w, offset, eps, x.cols() / w.out());
  }

  // y = (x - mean) / std w + b.
  Tensor layer_norm(const Tensor& x, Parameter& w, Parameter& b, float eps) {
    Tensor y = make(x.rows(), x.cols(), x.needs_gradient() || w.trainable() || b.trainable());
    const kernel::NormShape shape{
        .rows = x.rows(), .dim = x.cols(), .ld_x = x.stride(), .eps = eps};
    auto mean = std::make_shared<Buffer>(x.rows()), inv_std = std::make_shared<Buffer>(x.rows());
    kernel::layer_norm(shape, x.data(), w.value().data(), b.value().data(), y.data(), mean->data(),
                       inv_std->data());
    if (keeps(y)) {
      forget_later(y, [x, shape, &w, &b, mean, inv_std](float* to) {
        kernel::layer_norm(shape, x.data(), w.value().data(), b.value().data(), to, mean->data(),
                           inv_std->data());
      });
      tape_.push([x, y, shape, &w, &b, mean, inv_std] {
        kernel::layer_norm_backward(shape, x.data(), w.value().data(), mean->data(),
                                    inv_std->data(), y.gradient(), gradient_if_needed(x),
                                    gradient_if_trainable(w), gradient_if_trainable(b));
      });
    }
    return y;
  }

  // Rotates each head by its token's position, in place: x is used up.
  Tensor rotary(Tensor x, const Rotary& table,
                const std::shared_ptr<const std::vector<std::int32_t>>& positions) {
    const std::int64_t heads = x.cols() / table.head_dim();
    table.apply(x.rows(), heads, x.stride(), positions->data(), x.data());
    if (keeps(x))
      tape_.push([x, heads, &table, positions] {
        table.apply_inverse(x.rows(), heads, x.stride(), positions->data(), x.gradient());
      });
    return x;
  }

  // Attention of a packed forest's tokens to their ancestors and to what came before them.
  Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Forest& forest,
                   const AttentionNumbers& numbers) {
    const bool learns = q.needs_gradient() || k.needs_gradient() || v.needs_gradient();
    Tensor o = make(q.rows(), q.cols(), learns);
    const kernel::AttentionShape shape = shape_of(numbers);
    if (!keeps(o)) {
      kernel::attend_forest(shape, forest.segments(), inputs_of(q, k, v), {.o = o.data()});
      return o;
    }
    auto max = std::make_shared<Buffer>(q.rows() * numbers.heads);
    auto sum = std::make_shared<Buffer>(q.rows() * numbers.heads);
    kernel::attend_forest(shape, forest.segments(), inputs_of(q, k, v),
                          {.o = o.data(), .row_max = max->data(), .row_sum = sum->data()});
    tape_.push(
        [q, k, v, o, shape, max, sum,
         segments = std::vector<Segment>(forest.segments().begin(), forest.segments().end())] {
          Tensor out = o;
          kernel::attend_forest_backward(
              shape, segments, inputs_of(q, k, v),
              {.o = out.data(), .row_max = max->data(), .row_sum = sum->data()}, o.gradient(),
              {.dq = q.gradient(),
               .dk = k.gradient(),
               .dv = v.gradient(),
               .ld_q = q.stride(),
               .ld_kv = k.stride()});
        });
    return o;
  }

  // Attention of new tokens to cached keys and values; for passes that do not record.
  Tensor attention(const Tensor& q, std::span<const kernel::CachedQuery> queries,
                   const AttentionNumbers& numbers) {
    require(!options_.record, "attention to a cache keeps nothing for a backward pass");
    Tensor o = make(q.rows(), q.cols(), false);
    kernel::attend_cached(shape_of(numbers), queries, q.data(), q.stride(), o.data(), o.stride());
    return o;
  }

  Tensor activate(const Tensor& x, Activation activation) {
    Tensor y = make(x.rows(), x.cols(), x.needs_gradient());
    with_activation(activation, [&](auto f) {
      kernel::activate(f, x.rows() * x.cols(), x.data(), y.data());
      if (!keeps(y)) return;
      forget_later(y,
                   [f, x](float* to) { kernel::activate(f, x.rows() * x.cols(), x.data(), to); });
      tape_.push([f, x, y] {
        kernel::activate_backward(f, x.rows() * x.cols(), x.data(), y.gradient(), x.gradient());
      });
    });
    return y;
  }

  // act(gate) up.
  Tensor gated(const Tensor& gate, const Tensor& up, Activation activation) {
    Tensor y = make(gate.rows(), gate.cols(), gate.needs_gradient() || up.needs_gradient());
    const kernel::GateShape shape{
        .rows = gate.rows(), .cols = gate.cols(), .ld_gate = gate.stride()};
    with_activation(activation, [&](auto f) {
      kernel::gate(f, shape, gate.data(), up.data(), y.data());
      if (!keeps(y)) return;
      forget_later(y, [f, shape, gate, up](float* to) {
        kernel::gate(f, shape, gate.data(), up.data(), to);
      });
      tape_.push([f, shape, gate, up, y] {
        kernel::gate_backward(f, shape, gate.data(), up.data(), y.gradient(), gate.gradient(),
                              up.gradient());
      });
    });
    return y;
  }

  // a + b, computed in place of b, which is used up: no operation needs its own output later.
  Tensor add(const Tensor& a, Tensor b) {
    const std::int64_t n = b.rows() * b.cols();
    kernel::add(n, a.data(), b.data(), b.data());
    if (options_.record && a.needs_gradient()) {
      b.set_needs_gradient(true);
      tape_.push([a, b, n] {
        bool fresh = false;
        float* da = a.gradient(fresh);
        if (fresh)
          std::memcpy(da, b.gradient(), static_cast<std::size_t>(n) * sizeof(float));
        else
          kernel::add(n, da, b.gradient(), da);
      });
    }
    return b;
  }

  // y + scale x, computed in place of y.
  Tensor add_scaled(Tensor y, const Tensor& x, float scale) {
    const std::int64_t n = y.rows() * y.cols();
    kernel::add_scaled(n, scale, x.data(), y.data());
    if (options_.record && x.needs_gradient()) {
      y.set_needs_gradient(true);
      tape_.push([x, y, n, scale] { kernel::add_scaled(n, scale, y.gradient(), x.gradient()); });
    }
    return y;
  }

  Tensor columns(const Tensor& x, std::int64_t first, std::int64_t count) const {
    return x.columns(first, count);
  }

  // The kernels' form of a layer's numbers.
  static kernel::AttentionShape shape_of(const AttentionNumbers& n) {
    return {.heads = n.heads,
            .kv_heads = n.kv_heads,
            .head_dim = n.head_dim,
            .scale = n.scale,
            .softcap = n.softcap,
            .window = n.window};
  }

  // One layer: f(pass, x), of which what one pass over memory can make again (norms, activations)
  // is forgotten; with the option `checkpoint` all of it is, and computed when the backward pass
  // gets there. The second computation repeats the first bit for bit.
  template <class F>
  Tensor checkpoint(const Tensor& x, F f) {
    if (!options_.record || !options_.checkpoint) {
      Tensor y = f(*this, x);
      for (const Tensor& t : cheap_) t.forget();
      cheap_.clear();
      return y;
    }
    Pass quiet({.adapters = options_.adapters});
    Tensor y = f(quiet, x);
    y.set_needs_gradient(true);
    tape_.push([x, y, f = std::move(f), adapters = options_.adapters] {
      Pass again({.record = true, .adapters = adapters});
      y.drop_data();
      const Tensor out = f(again, x);
      y.move_gradient(out);
      again.backward();
    });
    return y;
  }

 private:
  Tensor make(std::int64_t rows, std::int64_t cols, bool learns) const {
    return Tensor(rows, cols, options_.record && learns);
  }
  bool keeps(const Tensor& y) const { return options_.record && y.needs_gradient(); }

  static void linear_backward(const Tensor& x, const Tensor& y,
                              const LinearWeights<Parameter>& layer) {
    const auto [w, bias] = layer;
    const kernel::LinearShape shape{
        .rows = x.rows(), .in = w->in(), .out = w->out(), .ld_x = x.stride(), .ld_y = y.stride()};
    const float* dy = y.gradient();
    if (w->trainable() || (bias && bias->trainable()))
      kernel::linear_weight_gradient(
          shape, dy, x.data(), w->trainable() ? w->accumulator().data() : nullptr,
          bias && bias->trainable() ? bias->accumulator().data() : nullptr);
    if (x.needs_gradient()) {
      bool fresh = false;
      float* dx = x.gradient(fresh);
      kernel::linear_input_gradient(shape, dy, w->value().data(), dx, !fresh);
    }
  }

  // Some passes over memory cost less than the memory: y is dropped at the end of its layer, if
  // nobody has written to it by then.
  template <class F>
  void forget_later(const Tensor& y, F remake) {
    y.remake_by(std::move(remake));
    cheap_.push_back(y);
  }

  Tensor grouped_rms_norm(const Tensor& x, Parameter& w, float offset, float eps,
                          std::int64_t groups) {
    Tensor y = make(x.rows(), x.cols(), x.needs_gradient() || w.trainable());
    const kernel::NormShape shape{.rows = x.rows(),
                                  .dim = w.out(),
                                  .groups = groups,
                                  .ld_x = x.stride(),
                                  .eps = eps,
                                  .weight_offset = offset};
    auto inv_rms = std::make_shared<Buffer>(x.rows() * groups);
    kernel::rms_norm(shape, x.data(), w.value().data(), y.data(), inv_rms->data());
    if (keeps(y)) {
      forget_later(y, [x, shape, &w, inv_rms](float* to) {
        kernel::rms_norm(shape, x.data(), w.value().data(), to, inv_rms->data());
      });
      tape_.push([x, y, shape, &w, inv_rms] {
        kernel::rms_norm_backward(shape, x.data(), w.value().data(), inv_rms->data(), y.gradient(),
                                  gradient_if_needed(x), gradient_if_trainable(w));
      });
    }
    return y;
  }

  static float* gradient_if_needed(const Tensor& x) {
    return x.needs_gradient() ? x.gradient() : nullptr;
  }
  static float* gradient_if_trainable(Parameter& p) {
    return p.trainable() ? p.accumulator().data() : nullptr;
  }

  static kernel::AttentionInputs inputs_of(const Tensor& q, const Tensor& k, const Tensor& v) {
    return {.q = q.data(), .k = k.data(), .v = v.data(), .ld_q = q.stride(), .ld_kv = k.stride()};
  }

  template <class F>
  static void with_activation(Activation a, F&& f) {
    switch (a) {
      case Activation::relu:
        return f(kernel::Relu{});
      case Activation::gelu_tanh:
        return f(kernel::GeluTanh{});
      case Activation::gelu_erf:
        return f(kernel::GeluErf{});
      case Activation::silu:
        return f(kernel::Silu{});
    }
  }

  PassOptions options_;
  Tape tape_;
  std::vector<Tensor> cheap_;  // of this layer
};

}  // namespace model
}  // namespace v0
}  // namespace hone
