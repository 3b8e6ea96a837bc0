// Where reports go: any number of sinks, each a value with the hooks that it cares for.
//
//     report::Sinks sinks{report::Console{}, report::MetricsJsonl{folder / "metrics.jsonl"},
//                         report::TensorBoard{folder}};
//     sinks.begin({.name = "ppo", .steps = 100});
//     for (...) sinks.metrics(trainer.step(prompts));
//     sinks.end();
//
// Hooks of a sink, all optional; what it lacks costs nothing:
//   void begin(const Run&)
//   void metrics(std::int64_t step, Metrics)
//   void samples(std::int64_t step, std::span<const Sample>)
//   void end()
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "hone/report/record.hpp"

namespace hone {
inline namespace v0 {
namespace report {

namespace detail {

template <class S>
inline constexpr bool has_begin = requires(S& s, const Run& run) {
  s.begin(run);
};
template <class S>
inline constexpr bool has_metrics = requires(S& s, Metrics m) {
  s.metrics(std::int64_t{}, m);
};
template <class S>
inline constexpr bool has_samples = requires(S& s, std::span<const Sample> rows) {
  s.samples(std::int64_t{}, rows);
};
template <class S>
inline constexpr bool has_end = requires(S& s) {
  s.end();
};
template <class S>
inline constexpr bool is_sink = has_begin<S> || has_metrics<S> || has_samples<S> || has_end<S>;

template <class S>
S* get(S& sink) {
  return &sink;
}
template <class S>
S* get(std::optional<S>& sink) {
  return sink ? &*sink : nullptr;
}

}  // namespace detail

// A std::optional sink takes part while it holds one. Sinks are told in their order.
template <class... S>
class Sinks {
 public:
  explicit Sinks(S... sinks) : sinks_(std::move(sinks)...) {}

  void begin(const Run& run) {
    each([&](auto& sink) {
      if constexpr (requires { sink.begin(run); }) sink.begin(run);
    });
  }
  void metrics(std::int64_t step, Metrics values) {
    each([&](auto& sink) {
      if constexpr (requires { sink.metrics(step, values); }) sink.metrics(step, values);
    });
  }
  // Anything with the members step and metrics, as trainers return it.
  template <class Report>
  requires requires(const Report& r) { Metrics(r.metrics), std::int64_t{r.step}; }
  void metrics(const Report& report) { metrics(report.step, Metrics(report.metrics)); }
  void samples(std::int64_t step, std::span<const Sample> rows) {
    each([&](auto& sink) {
      if constexpr (requires { sink.samples(step, rows); }) sink.samples(step, rows);
    });
  }
  void end() {
    each([&](auto& sink) {
      if constexpr (requires { sink.end(); }) sink.end();
    });
  }

  template <std::size_t index>
  auto& get() {
    return std::get<index>(sinks_);
  }

 private:
  template <class F>
  void each(F&& f) {
    std::apply([&](auto&... sink) { (one(sink, f), ...); }, sinks_);
  }
  template <class Sink, class F>
  static void one(Sink& sink, F& f) {
    auto* there = detail::get(sink);
    static_assert(detail::is_sink<std::remove_pointer_t<decltype(there)>>,
                  "hone: a sink has at least one of begin(const Run&), metrics(std::int64_t, "
                  "Metrics), samples(std::int64_t, std::span<const Sample>), end()");
    if (there) f(*there);
  }

  std::tuple<S...> sinks_;
};

}  // namespace report
}  // namespace v0
}  // namespace hone
