// Several rewards in one: R(y) = sum_i w_i R_i(y), each part under its name.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/reward/function.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

// A reward with its weight in a Sum and its name in the metrics.
template <class R>
struct Named {
  std::string name = {};
  float weight = 1.0f;
  R reward = {};
};

// The scores of a batch and what they are made of.
template <std::size_t N>
struct Breakdown {
  std::vector<float> scores = {};                // [S] the weighted sum
  std::array<std::string, N> names = {};         // of the parts
  std::array<std::vector<float>, N> parts = {};  // [N][S] before their weights
};

//     const Sum reward{Named{"correct", 1.0f, NumberAnswer{}}, Named{"format", 0.2f, think}};
//
// The metrics reward/<name>_mean and reward/<name>_std show each part (see report/metric.hpp). A
// part may be a network: see train/mixed_reward.hpp.
template <class... R>
class Sum {
 public:
  static constexpr std::size_t size = sizeof...(R);

  // One state per part.
  struct State {
    std::tuple<detail::state_t<R>...> parts = {};
    template <class Visit>
    void each(Visit&& visit) {
      std::apply([&](auto&... s) { (s.each(visit), ...); }, parts);
    }
    bool operator==(const State&) const = default;
  };

  explicit Sum(Named<R>... parts) : parts_(std::move(parts)...) {}

  template <class Judged>
  std::vector<float> operator()(const Judged& batch, State& state) const {
    return breakdown(batch, state).scores;
  }

  template <class Judged>
  Breakdown<size> breakdown(const Judged& batch, State& state) const {
    Breakdown<size> out;
    out.scores.assign(batch.size(), 0.0f);
    add(out, batch, state, std::index_sequence_for<R...>{});
    return out;
  }

  // Calls f(reward) for each part.
  template <class F>
  void for_each_part(F&& f) const {
    std::apply([&f](const auto&... part) { (f(part.reward), ...); }, parts_);
  }

 private:
  template <class Judged, std::size_t... index>
  void add(Breakdown<size>& out, const Judged& batch, State& state,
           std::index_sequence<index...>) const {
    (add_part(out, index, std::get<index>(parts_), batch, std::get<index>(state.parts)), ...);
  }

  template <class Part, class Judged, class PartState>
  static void add_part(Breakdown<size>& out, std::size_t i, const Named<Part>& part,
                       const Judged& batch, PartState& state) {
    out.names[i] = part.name;
    out.parts[i] = evaluate(part.reward, batch, state);
    for (std::size_t s = 0; s < batch.size(); ++s)
      out.scores[s] = std::fma(part.weight, out.parts[i][s], out.scores[s]);
  }

  std::tuple<Named<R>...> parts_;
};

}  // namespace reward
}  // namespace v0
}  // namespace hone
