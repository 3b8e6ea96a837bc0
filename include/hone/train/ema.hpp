// Averaged weights: ema = decay ema + (1 - decay) p after every optimiser step.
//
// DeepSpeed-Chat's actor uses 0.992. The averages are what a run may save as its model.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "hone/core/pack.hpp"
#include "hone/train/parameters.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct Ema {
  float decay = 0.992f;
  bool operator==(const Ema&) const = default;

  // Owned by the trainer, saved with the run; empty before the first update.
  struct State {
    std::vector<std::vector<float>> average;  // per parameter, in storage order
    bool operator==(const State&) const = default;
  };

  void operator()(const ParameterList& parameters, State& state) const {
    if (state.average.empty()) {
      for (const model::Parameter* p : parameters)
        state.average.emplace_back(p->value().begin(), p->value().end());
      return;
    }
    require(state.average.size() == parameters.size(), "Ema: the state holds ",
            state.average.size(), " parameters, expected ", parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const float* p = parameters[i]->value().data();
      float* a = state.average[i].data();
      const auto n = static_cast<std::int64_t>(parameters[i]->value().size());
      parallel_for((n + detail::chunk - 1) / detail::chunk, [&](std::int64_t c) {
        const std::int64_t end = std::min(n, (c + 1) * detail::chunk);
        for (std::int64_t j = c * detail::chunk; j < end; j += 16) {
          const int width = static_cast<int>(std::min<std::int64_t>(16, end - j));
          const pack old = pack::load(a + j, width);
          fma(pack(1.0f - decay), pack::load(p + j, width) - old, old).store(a + j, width);
        }
      });
    }
  }

  // Exchanges weights and averages: once to evaluate or save the averaged model, once more to go
  // on.
  static void swap(const ParameterList& parameters, State& state) {
    for (std::size_t i = 0; i < state.average.size(); ++i)
      std::swap_ranges(state.average[i].begin(), state.average[i].end(),
                       parameters[i]->value().begin());
  }
};

}  // namespace train
}  // namespace v0
}  // namespace hone
