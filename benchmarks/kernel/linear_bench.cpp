// The linear layer and its gradients over the shapes of small language models.
//
// Arguments: rows, inputs, outputs. Counters: GFLOP/s, and GB/s of weights (each read once) where
// there are few rows. HONE_BENCHMARK_THREADS: threads, 2 by default. The comparison with LibTorch
// is benchmarks/peers/compare_kernels.py.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/linear.hpp"

namespace {

namespace kernel = hone::kernel;

std::vector<float> random_floats(std::int64_t n, std::uint64_t seed) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<float>(static_cast<std::int32_t>(hone::mix(seed, i) >> 32)) * 0x1p-33f;
  return v;
}

template <class F>
void run(benchmark::State& state, const F& f) {
  const char* threads = std::getenv("HONE_BENCHMARK_THREADS");
  hone::set_threads(threads ? std::atoi(threads) : 2);
  const kernel::LinearShape s{.rows = state.range(0), .in = state.range(1), .out = state.range(2)};
  const auto x = random_floats(s.rows * s.in, 1), dy = random_floats(s.rows * s.out, 2);
  const auto w = random_floats(kernel::panel_size(s.out, s.in), 3);
  std::vector<float> out(std::max({x.size(), dy.size(), w.size()}));
  for (auto _ : state) {
    f(s, x.data(), dy.data(), w.data(), out.data());
    benchmark::ClobberMemory();
  }
  const auto weights = static_cast<double>(s.in * s.out);
  state.counters["FLOP/s"] = benchmark::Counter(2.0 * static_cast<double>(s.rows) * weights,
                                                benchmark::Counter::kIsIterationInvariantRate);
  state.counters["weights_B/s"] =
      benchmark::Counter(4.0 * weights, benchmark::Counter::kIsIterationInvariantRate);
}

void forward(benchmark::State& state) {
  run(state, [](const kernel::LinearShape& s, const float* x, const float*, const float* w,
                float* out) { kernel::linear(s, x, w, nullptr, out); });
}

void input_gradient(benchmark::State& state) {
  run(state, [](const kernel::LinearShape& s, const float*, const float* dy, const float* w,
                float* out) { kernel::linear_input_gradient(s, dy, w, out); });
}

void weight_gradient(benchmark::State& state) {
  run(state, [](const kernel::LinearShape& s, const float* x, const float* dy, const float*,
                float* out) { kernel::linear_weight_gradient(s, dy, x, out, nullptr); });
}

void shapes(benchmark::internal::Benchmark* b, const std::vector<std::int64_t>& rows) {
  for (const std::int64_t m : rows)
    for (const auto& [in, out] :
         {std::pair<std::int64_t, std::int64_t>{512, 1536}, {768, 768}, {3072, 768}, {768, 50257}})
      b->Args({m, in, out});
  b->UseRealTime()->Unit(benchmark::kMicrosecond);
}

BENCHMARK(forward)->Apply([](auto* b) { shapes(b, {1, 2, 4, 8, 16, 64, 256, 1024}); });
BENCHMARK(input_gradient)->Apply([](auto* b) { shapes(b, {16, 256, 1024}); });
BENCHMARK(weight_gradient)->Apply([](auto* b) { shapes(b, {16, 256, 1024}); });

}  // namespace
