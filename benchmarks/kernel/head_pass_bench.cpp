// The fused head: log-probabilities and, for the second and third, the gradients of hidden states
// and head. Arguments: rows, hidden size, vocabulary. Counters: FLOP/s of the matrix products (one,
// three and four of them).
//
// HONE_BENCHMARK_THREADS: threads, 2 by default. benchmarks/peers/compare_kernels.py compares with
// LibTorch and measures memory.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/head_pass.hpp"

namespace {

namespace kernel = hone::kernel;

std::vector<float> random_floats(std::int64_t n, std::uint64_t seed) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<float>(static_cast<std::int32_t>(hone::mix(seed, i) >> 32)) * 0x1p-33f;
  return v;
}

struct Case {
  kernel::HeadShape s;
  std::vector<float> hidden, panels, dhidden, dpanels, logprobs;
  std::vector<std::int64_t> index;
  std::vector<hone::Token> targets;

  explicit Case(const benchmark::State& state)
      : s{.rows = state.range(0), .dim = state.range(1), .vocab = state.range(2)},
        hidden(random_floats(s.rows * s.dim, 1)),
        panels(random_floats(kernel::panel_size(s.vocab, s.dim), 2)),
        dhidden(hidden.size()),
        dpanels(panels.size()),
        logprobs(static_cast<std::size_t>(s.rows)) {
    const char* threads = std::getenv("HONE_BENCHMARK_THREADS");
    hone::set_threads(threads ? std::atoi(threads) : 2);
    for (std::int64_t r = 0; r < s.rows; ++r) {
      index.push_back(r);
      targets.push_back(static_cast<hone::Token>(hone::mix(3, static_cast<std::uint64_t>(r)) %
                                                 static_cast<std::uint64_t>(s.vocab)));
    }
  }

  void scores() {
    kernel::head_scores(s, hidden.data(), panels.data(), index.data(), targets.data(),
                        logprobs.data(), nullptr);
  }

  void gradients(bool entropy) {
    kernel::head_gradients(
        s, hidden.data(), panels.data(), index.data(), targets.data(), entropy,
        [&](std::int64_t, std::int64_t count, const float*, const float*, float* d, float* dh) {
          std::fill_n(d, count, -1.0f / static_cast<float>(s.rows));
          std::fill_n(dh, count, -1e-3f / static_cast<float>(s.rows));
        },
        dhidden.data(), dpanels.data());
  }

  void report(benchmark::State& state, double products) const {
    state.counters["FLOP/s"] = benchmark::Counter(
        products * 2.0 * static_cast<double>(s.rows) * static_cast<double>(s.dim * s.vocab),
        benchmark::Counter::kIsIterationInvariantRate);
  }
};

void scores(benchmark::State& state) {
  Case c(state);
  for (auto _ : state) c.scores();
  c.report(state, 1);
}

void token_objective(benchmark::State& state) {
  Case c(state);
  for (auto _ : state) c.gradients(false);
  c.report(state, 3);
}

void token_objective_with_entropy(benchmark::State& state) {
  Case c(state);
  for (auto _ : state) c.gradients(true);
  c.report(state, 3);
}

void two_stages(benchmark::State& state) {
  Case c(state);
  for (auto _ : state) {
    c.scores();
    c.gradients(false);
  }
  c.report(state, 4);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->Args({512, 576, 49152})->Args({4096, 768, 50257})->Args({2048, 1024, 151936});
  b->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK(scores)->Apply(sizes);
BENCHMARK(token_objective)->Apply(sizes);
BENCHMARK(token_objective_with_entropy)->Apply(sizes);
BENCHMARK(two_stages)->Apply(sizes);

}  // namespace
