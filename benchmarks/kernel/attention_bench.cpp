// Attention: the training pass over 16 sequences of 256 tokens, forward and backward, and one step
// of decoding for 64 sequences with 192 positions, alone or in groups that share a prompt.
//
// Counters: GFLOP/s of the multiply-adds that the definition needs (causal half only), their share
// of what the FMA units were measured to do on the same threads just before, and for decoding GB/s
// of keys and values, each counted once per reader. attention_peer.py times PyTorch on the same
// shapes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/attention.hpp"

namespace {

using hone::pack;
using hone::kernel::AttentionShape;
using hone::kernel::CachedQuery;
using hone::kernel::KvCache;
using hone::kernel::KvPiece;

int thread_count() {
  const char* value = std::getenv("HONE_BENCHMARK_THREADS");
  return value ? std::atoi(value) : 2;
}

// GFLOP/s of independent chains in registers, on all threads.
double peak() {
  static const double value = [] {
    hone::set_threads(thread_count());
    double best = 0;
    for (int trial = 0; trial < 5; ++trial) {
      constexpr std::int64_t steps = 2'000'000;
      const auto start = std::chrono::steady_clock::now();
      hone::parallel_for(hone::threads(), [&](std::int64_t) {
        pack sum[6];
        for (pack& s : sum) s = pack(0.0f);
        pack factor(0.5f);
        for (std::int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 6
          for (pack& s : sum) s = fma(s, factor, factor);
        }
        for (const pack& s : sum) benchmark::DoNotOptimize(s);
      });
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      best = std::max(best, 2.0 * 16 * 6 * steps * hone::threads() / time.count() * 1e-9);
    }
    return best;
  }();
  return value;
}

std::vector<float> random_floats(std::int64_t n) {
  hone::RandomStream random({.seed = 1});
  std::vector<float> out(static_cast<std::size_t>(n));
  for (float& x : out) x = static_cast<float>(2.0 * random.uniform() - 1.0);
  return out;
}

void report(benchmark::State& state, double flop) {
  const double rate = flop * static_cast<double>(state.iterations()) * 1e-9;
  state.counters["GFLOP/s"] = benchmark::Counter(rate, benchmark::Counter::kIsRate);
  state.counters["of_peak"] = benchmark::Counter(rate / peak(), benchmark::Counter::kIsRate);
}

constexpr AttentionShape layer = {.heads = 8, .kv_heads = 4, .head_dim = 64, .scale = 0.125f};

struct Training {
  hone::Forest forest;
  std::vector<float> q, k, v, o, row_max, row_sum, d_o, dq, dk, dv;
  double pairs = 0;  // of a query and a key that it sees

  Training(std::int64_t trees, std::int64_t length) {
    for (std::int64_t t = 0; t < trees; ++t)
      forest.add_root(std::vector<hone::Token>(static_cast<std::size_t>(length)));
    pairs = static_cast<double>(trees * length * (length + 1) / 2);
    const std::int64_t tokens = forest.size();
    q = d_o = random_floats(tokens * layer.heads * layer.head_dim);
    k = v = random_floats(tokens * layer.kv_heads * layer.head_dim);
    o = dq = q;
    dk = dv = k;
    row_max.resize(static_cast<std::size_t>(tokens * layer.heads));
    row_sum = row_max;
  }
  void forward() {
    attend_forest(layer, forest.segments(), {.q = q.data(), .k = k.data(), .v = v.data()},
                  {.o = o.data(), .row_max = row_max.data(), .row_sum = row_sum.data()});
  }
  void backward() {
    attend_forest_backward(layer, forest.segments(), {.q = q.data(), .k = k.data(), .v = v.data()},
                           {.o = o.data(), .row_max = row_max.data(), .row_sum = row_sum.data()},
                           d_o.data(), {.dq = dq.data(), .dk = dk.data(), .dv = dv.data()});
  }
  double flop(int products) const {
    return 2.0 * products * pairs * static_cast<double>(layer.heads * layer.head_dim);
  }
};

void forward(benchmark::State& state) {
  peak();
  Training t(state.range(0), state.range(1));
  for (auto _ : state) t.forward();
  report(state, t.flop(2));
}

void forward_and_backward(benchmark::State& state) {
  peak();
  Training t(state.range(0), state.range(1));
  for (auto _ : state) {
    t.forward();
    t.backward();
  }
  report(state, t.flop(7));
}

// 64 sequences of 192 positions; the first `shared` of them are common to groups of 8.
void decode(benchmark::State& state) {
  peak();
  const std::int64_t sequences = state.range(0), positions = 192, shared = state.range(1);
  const std::int64_t wide = layer.heads * layer.head_dim, narrow = layer.kv_heads * layer.head_dim;
  const auto k = random_floats(positions * narrow), q = random_floats(sequences * wide);
  std::vector<float> o(q.size());
  std::vector<KvCache> prompts(static_cast<std::size_t>((sequences + 7) / 8), KvCache(layer));
  std::vector<KvCache> own(static_cast<std::size_t>(sequences), KvCache(layer));
  std::vector<KvPiece> pieces;
  for (KvCache& cache : prompts) cache.append(shared, k.data(), k.data(), narrow);
  for (std::size_t i = 0; i < own.size(); ++i) {
    own[i].append(positions - shared, k.data(), k.data(), narrow);
    if (shared > 0) pieces.push_back(prompts[i / 8].piece());
    pieces.push_back(own[i].piece());
  }
  std::vector<CachedQuery> queries;
  const std::size_t each = shared > 0 ? 2 : 1;
  for (std::size_t i = 0; i < own.size(); ++i)
    queries.push_back({.pieces = std::span(pieces).subspan(i * each, each),
                       .begin = static_cast<std::int64_t>(i)});
  for (auto _ : state) attend_cached(layer, queries, q.data(), wide, o.data(), wide);
  const auto seen = static_cast<double>(sequences * positions);
  report(state, 4.0 * seen * static_cast<double>(wide));
  state.counters["GB/s"] = benchmark::Counter(
      8.0 * seen * static_cast<double>(narrow) * 1e-9 * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}

BENCHMARK(forward)->Args({16, 256})->Args({64, 32})->Args({1, 4096})->UseRealTime()->Unit(
    benchmark::kMillisecond);
BENCHMARK(forward_and_backward)
    ->Args({16, 256})
    ->Args({64, 32})
    ->Args({1, 4096})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(decode)->Args({64, 0})->Args({64, 128})->Args({8, 0})->Args({1, 0})->UseRealTime()->Unit(
    benchmark::kMicrosecond);

}  // namespace
