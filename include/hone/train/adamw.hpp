// AdamW: Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
//
//   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
//   p = p - lr (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay p)
//
// State in fp32. Decay acts on matrices only, never on norms and biases. The gradient is multiplied
// by a factor first, with which norm clipping costs no pass of its own.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/pack.hpp"
#include "hone/train/parameters.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct AdamW {
  float beta1 = 0.9f, beta2 = 0.999f;
  float epsilon = 1e-8f;
  float decay = 0.0f;
  float max_norm = 1.0f;  // gradients are scaled down to this norm; 0: never
  bool operator==(const AdamW&) const = default;

  // Owned by the trainer, saved with the run.
  struct State {
    std::int64_t step = 0;
    std::vector<std::vector<float>> m, v;  // per parameter, in storage order
    bool operator==(const State&) const = default;
  };

  struct Result {
    double gradient_norm = 0.0;  // before clipping
  };

  // One update of `parameters`, which must be the same list at every call. Throws, and changes
  // nothing, when a gradient is not finite.
  Result operator()(const ParameterList& parameters, State& state, float lr) const {
    const double norm = take_in(parameters, state);
    move(parameters, state, lr);
    return {norm};
  }

  // The update's first half: the gradients into the moments, after which nobody needs them. Returns
  // their norm. Throws, and changes nothing, when a gradient is not finite.
  double take_in(const ParameterList& parameters, State& state) const {
    const double norm = gradient_norm(parameters);
    prepare(parameters, state);
    const float factor = max_norm > 0.0f && norm > static_cast<double>(max_norm)
                             ? static_cast<float>(static_cast<double>(max_norm) / (norm + 1e-6))
                             : 1.0f;
    detail::for_each_chunk(parameters,
                           [&](std::int64_t, std::size_t i, std::int64_t begin, std::int64_t end) {
                             average({.g = parameters[i]->gradient().data(),
                                      .m = state.m[i].data(),
                                      .v = state.v[i].data(),
                                      .begin = begin,
                                      .end = end},
                                     factor);
                           });
    return norm;
  }

  // The second half: the weights follow the moments. Several models that step together take all
  // their gradients in before any weight moves.
  void move(const ParameterList& parameters, State& state, float lr) const {
    ++state.step;
    const float correct1 = static_cast<float>(1.0 - power(beta1, state.step));
    const float correct2 = static_cast<float>(std::sqrt(1.0 - power(beta2, state.step)));
    detail::for_each_chunk(parameters,
                           [&](std::int64_t, std::size_t i, std::int64_t begin, std::int64_t end) {
                             model::Parameter& p = *parameters[i];
                             follow({.p = p.value().data(),
                                     .m = state.m[i].data(),
                                     .v = state.v[i].data(),
                                     .begin = begin,
                                     .end = end},
                                    {.size = lr / correct1,
                                     .correct2 = correct2,
                                     .keep = p.spec().decay ? 1.0f - lr * decay : 1.0f});
                           });
  }

 private:
  // Elements [begin, end) of a parameter, its gradient and its moments.
  struct Range {
    float* p = nullptr;
    const float* g = nullptr;
    float *m, *v;
    std::int64_t begin, end;
  };
  struct Step {
    float size, correct2, keep;
  };

  void average(const Range& r, float factor) const {
    const pack b1(beta1), b2(beta2), c1(1.0f - beta1), c2(1.0f - beta2);
    for (std::int64_t i = r.begin; i < r.end; i += 16) {
      const int n = static_cast<int>(std::min<std::int64_t>(16, r.end - i));
      const pack g = pack::load(r.g + i, n) * pack(factor);
      fma(b1, pack::load(r.m + i, n), c1 * g).store(r.m + i, n);
      fma(b2, pack::load(r.v + i, n), c2 * (g * g)).store(r.v + i, n);
    }
  }

  void follow(const Range& r, const Step& step) const {
    for (std::int64_t i = r.begin; i < r.end; i += 16) {
      const int n = static_cast<int>(std::min<std::int64_t>(16, r.end - i));
      const pack m = pack::load(r.m + i, n), v = pack::load(r.v + i, n), p = pack::load(r.p + i, n);
      const pack direction = m / (sqrt(v) / pack(step.correct2) + pack(epsilon));
      fma(-pack(step.size), direction, p * pack(step.keep)).store(r.p + i, n);
    }
  }

  // b^t by squaring, the same bits everywhere.
  static double power(float b, std::int64_t t) {
    double result = 1.0, square = static_cast<double>(b);
    for (; t > 0; t /= 2, square *= square)
      if (t % 2) result *= square;
    return result;
  }

  static void prepare(const ParameterList& parameters, State& state) {
    if (state.m.empty())
      for (const model::Parameter* p : parameters) {
        state.m.emplace_back(p->value().size(), 0.0f);
        state.v.emplace_back(p->value().size(), 0.0f);
      }
    require(state.m.size() == parameters.size(), "AdamW: the state holds ", state.m.size(),
            " parameters, expected ", parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i)
      require(state.m[i].size() == parameters[i]->value().size(), "AdamW: state of ",
              parameters[i]->name(), " has ", state.m[i].size(), " elements, expected ",
              parameters[i]->value().size());
  }
};

}  // namespace train
}  // namespace v0
}  // namespace hone
