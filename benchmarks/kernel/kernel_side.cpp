// hone's side of benchmarks/peers/compare_kernels.py: reads one case per line, times it for about
// the given number of seconds on two threads and prints one line of JSON.
//
//   linear ROWS IN OUT SECONDS            y = x W^T
//   input_gradient ROWS IN OUT SECONDS    dx = dy W
//   weight_gradient ROWS IN OUT SECONDS   dW += dy^T x
//   head ROWS DIM VOCAB SECONDS           log-probabilities, entropies, their loss and all
//   gradients two_stage ROWS DIM VOCAB SECONDS      the same with all log-probabilities known first
//   peak SECONDS                          what the FMA units do on two threads
//   stream SECONDS                        what two threads read from memory, beyond the caches
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "hone/core/pack.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/head_pass.hpp"
#include "hone/kernel/linear.hpp"

namespace {

using hone::Token;
namespace kernel = hone::kernel;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Memory that begins where a cache line does, as that of hone's buffers and LibTorch's tensors.
using Floats = kernel::detail::LineVector;

Floats random_floats(std::int64_t n, std::uint64_t seed) {
  Floats v(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<float>(static_cast<std::int32_t>(hone::mix(seed, i) >> 32)) * 0x1p-33f;
  return v;
}

long peak_kib() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// The seconds of each call of f, in rising order: calls for about `seconds`, at least three after
// one to warm up.
template <class F>
std::vector<double> sorted_times(double seconds, const F& f) {
  f();
  std::vector<double> times;
  for (const auto start = Clock::now(); times.size() < 3 || seconds_since(start) < seconds;) {
    const auto from = Clock::now();
    f();
    times.push_back(seconds_since(from));
  }
  std::sort(times.begin(), times.end());
  return times;
}

template <class F>
void measure(double seconds, double operations, long kib_before, const F& f) {
  const auto times = sorted_times(seconds, f);
  const double median = times[times.size() / 2];
  std::printf("{\"ms\": %.6f, \"gflops\": %.3f, \"extra_mib\": %.1f}\n", 1e3 * median,
              1e-9 * operations / median, static_cast<double>(peak_kib() - kib_before) / 1024.0);
  std::fflush(stdout);
}

// Twelve independent chains in registers: what the FMA units do at best.
float fma_chains(std::int64_t steps) {
  kernel::detail::Register acc[12];
#pragma GCC unroll 12
  for (int i = 0; i < 12; ++i) acc[i] = kernel::detail::r_set(1.0f + static_cast<float>(i));
  const auto factor = kernel::detail::r_set(0.999f), addend = kernel::detail::r_set(1e-3f);
  for (std::int64_t n = 0; n < steps; ++n) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) acc[i] = kernel::detail::r_fma(acc[i], factor, addend);
  }
  float kept[16], total = 0.0f;
#pragma GCC unroll 12
  for (int i = 0; i < 12; ++i) {
    kernel::detail::r_store(kept, acc[i]);
    total += kept[0];
  }
  return total;
}

// Eight chains of additions, enough that memory is what they wait for, over four streams that are
// asked for ahead: one alone gets two thirds of that on some machines.
float read_all(const float* from, std::int64_t n) {
  constexpr std::int64_t lanes = hone::pack::lanes, ahead = 32 * lanes;
  const std::int64_t quarter = n / 4;
  hone::pack sums[8];
  for (auto& s : sums) s = 0.0f;
  for (std::int64_t i = 0; i < quarter; i += 2 * lanes) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      const float* at = from + k / 2 * quarter + i + k % 2 * lanes;
      __builtin_prefetch(at + ahead);
      sums[k] += hone::pack::load(at);
    }
  }
  float total = 0.0f;
  for (auto& s : sums) total += sum(s);
  return total;
}

// What weights can at best be read at: 256 MiB once through, by two threads.
void stream(double seconds) {
  constexpr std::int64_t chunks = 64, chunk = std::int64_t{1} << 20;
  const Floats memory(static_cast<std::size_t>(chunks * chunk), 1.0f);
  float kept[chunks];
  const auto times = sorted_times(seconds, [&] {
    hone::parallel_for(
        chunks, [&](std::int64_t c) { kept[c] = read_all(memory.data() + c * chunk, chunk); });
    benchmark::DoNotOptimize(kept);
  });
  const double gb = 1e-9 * sizeof(float) * static_cast<double>(memory.size());
  std::printf("{\"ms\": %.6f, \"best_gb_per_s\": %.3f, \"gb_per_s\": %.3f}\n",
              1e3 * times[times.size() / 2], gb / times[0], gb / times[times.size() / 2]);
  std::fflush(stdout);
}

void run(const std::string& line) {
  std::istringstream in(line);
  std::string what;
  double seconds = 0.1;
  in >> what;
  if (what == "peak") {
    in >> seconds;
    constexpr std::int64_t chunks = 8, steps = 400000;
    float kept[chunks];
    measure(seconds, 2.0 * kernel::detail::register_lanes * 12 * chunks * steps, peak_kib(), [&] {
      hone::parallel_for(chunks, [&](std::int64_t c) { kept[c] = fma_chains(steps); });
      benchmark::DoNotOptimize(kept);
    });
    return;
  }
  if (what == "stream") {
    in >> seconds;
    return stream(seconds);
  }
  std::int64_t rows = 0, inputs = 0, outputs = 0;
  in >> rows >> inputs >> outputs >> seconds;
  const double product =
      2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs);
  const kernel::LinearShape s{.rows = rows, .in = inputs, .out = outputs};
  const auto x = random_floats(rows * inputs, 1);
  const auto w = random_floats(kernel::panel_size(outputs, inputs), 2);
  if (what == "linear") {
    Floats y(static_cast<std::size_t>(rows * outputs));
    measure(seconds, product, peak_kib(),
            [&] { kernel::linear(s, x.data(), w.data(), nullptr, y.data()); });
  } else if (what == "input_gradient") {
    const auto dy = random_floats(rows * outputs, 3);
    Floats dx(x.size());
    measure(seconds, product, peak_kib(),
            [&] { kernel::linear_input_gradient(s, dy.data(), w.data(), dx.data()); });
  } else if (what == "weight_gradient") {
    const auto dy = random_floats(rows * outputs, 3);
    Floats dw(w.size());
    measure(seconds, product, peak_kib(),
            [&] { kernel::linear_weight_gradient(s, dy.data(), x.data(), dw.data(), nullptr); });
  } else if (what == "head" || what == "two_stage") {
    std::vector<std::int64_t> index(static_cast<std::size_t>(rows));
    std::vector<Token> targets(index.size());
    for (std::size_t r = 0; r < index.size(); ++r) {
      index[r] = static_cast<std::int64_t>(r);
      targets[r] = static_cast<Token>(hone::mix(4, r) % static_cast<std::uint64_t>(outputs));
    }
    Floats dx(x.size()), dw(w.size()), logprobs(index.size());
    const bool twice = what == "two_stage";
    const kernel::HeadShape head{.rows = rows, .dim = inputs, .vocab = outputs};
    measure(seconds, (twice ? 4 : 3) * product, peak_kib(), [&] {
      if (twice)
        kernel::head_scores(head, x.data(), w.data(), index.data(), targets.data(), logprobs.data(),
                            nullptr);
      kernel::head_gradients(
          head, x.data(), w.data(), index.data(), targets.data(), false,
          [&](std::int64_t, std::int64_t count, const float*, const float*, float* d, float*) {
            std::fill_n(d, count, -1.0f / static_cast<float>(rows));
          },
          dx.data(), dw.data());
    });
  } else {
    std::printf("{\"error\": \"unknown case\"}\n");
    std::fflush(stdout);
  }
}

}  // namespace

int main() {
  hone::set_threads(2);
  for (std::string line; std::getline(std::cin, line);) run(line);
}
