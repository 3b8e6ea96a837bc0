// A scalar per token on top of hidden states: values of a critic, scores of a reward model.
//
// v[t] = w . h[t] + b. A reward model has no bias (transformers' `score`); a fresh critic that
// starts from a reward model copies its head.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "hone/core/random.hpp"

namespace hone {
inline namespace v0 {
namespace model {

template <class Parameter>
struct ScalarHead {
  Parameter weight;  // [1, width]
  std::optional<Parameter> bias;

  explicit ScalarHead(std::int64_t width, bool with_bias = false, const std::string& name = "score")
      : weight({.name = name + ".weight", .out = 1, .in = width, .decay = true}) {
    if (with_bias) bias = Parameter({.name = name + ".bias", .out = 1});
  }

  // Normal with deviation 1/sqrt(width + 1) (Stiennon et al. 2020, appendix B.1), a function of the
  // seed.
  void randomise(std::uint64_t seed) {
    weight.randomise(seed, 1.0f / std::sqrt(static_cast<float>(weight.in() + 1)));
  }

  void set_trainable(bool on) {
    weight.set_trainable(on);
    if (bias) bias->set_trainable(on);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f(weight);
    if (bias) f(*bias);
  }

  // Scalars [T, 1] of hidden states [T, width].
  template <class Pass, class Tensor>
  Tensor operator()(Pass& pass, const Tensor& hidden) {
    return pass.linear(hidden, weight, bias ? &*bias : nullptr);
  }
};

}  // namespace model
}  // namespace v0
}  // namespace hone
