// PPO clip + k3 + entropy over a million tokens, value and both derivatives: one pass over the
// columns. Prints milliseconds; benchmarks/peers/compare_loss.py runs it beside LibTorch.
//
//   loss_side TOKENS SECONDS THREADS
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sum.hpp"

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  const auto n = static_cast<std::size_t>(argc > 1 ? std::atoll(argv[1]) : 1 << 20);
  const double budget = argc > 2 ? std::atof(argv[2]) : 1.0;
  hone::set_threads(argc > 3 ? std::atoi(argv[3]) : 2);

  hone::RandomStream random({.seed = 1});
  const auto draw = [&] { return static_cast<float>(random.uniform()); };
  // Every column begins at a cache line, as LibTorch's tensors do.
  struct alignas(64) Line {
    float at[16];
  };
  const std::size_t lines = (n + 15) / 16;
  std::vector<Line> memory(8 * lines);
  const auto column = [&](std::size_t i) {
    return std::span(reinterpret_cast<float*>(&memory[i * lines]), n);
  };
  const auto logprob = column(0), old_logprob = column(1), ref_logprob = column(2);
  const auto advantage = column(3), entropy = column(4), weights = column(5);
  const auto by_logprob = column(6), by_entropy = column(7);
  std::fill(weights.begin(), weights.end(), 1.0f / static_cast<float>(n));
  for (std::size_t i = 0; i < n; ++i) {
    logprob[i] = -3 * draw();
    old_logprob[i] = logprob[i] + 0.6f * (draw() - 0.5f);
    ref_logprob[i] = logprob[i] + 0.6f * (draw() - 0.5f);
    advantage[i] = 2 * draw() - 1;
    entropy[i] = 3 * draw();
  }
  // GRPO's loss as most systems compute it: the estimator is not weighted by the ratio.
  const auto objective = hone::loss::sum_of(
      hone::loss::PpoClip{}, hone::kl::InLoss{.unbiased = false}, hone::loss::EntropyBonus{});

  double loss = 0;
  std::vector<double> times;
  const auto begin = Clock::now();
  do {
    const auto start = Clock::now();
    loss = hone::loss::evaluate(objective,
                                {.logprob = logprob,
                                 .entropy = entropy,
                                 .old_logprob = old_logprob,
                                 .ref_logprob = ref_logprob,
                                 .advantage = advantage},
                                weights, {.logprob = by_logprob, .entropy = by_entropy})
               .value();
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  } while (std::chrono::duration<double>(Clock::now() - begin).count() < budget ||
           times.size() < 5);
  std::sort(times.begin(), times.end());
  std::printf("{\"ms\": %.4f, \"best_ms\": %.4f, \"loss\": %.9g}\n", times[times.size() / 2],
              times.front(), loss);
}
