// Advantages of 512 answers of 1024 tokens, and of answers of mixed length with gaps.
#include "hone/advantage/estimate.hpp"

#include <benchmark/benchmark.h>

#include <vector>

#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/whitened.hpp"
#include "hone/core/random.hpp"

namespace {

using namespace hone::advantage;

struct Data {
  std::vector<std::int64_t> offsets{0};
  std::vector<float> rewards, values, advantages, returns, scores;
  std::vector<std::uint8_t> mask;
  std::vector<std::int32_t> groups;

  Data(int sequences, int shortest, int longest, double gap_rate) {
    hone::RandomStream random({.seed = 1});
    for (int s = 0; s < sequences; ++s) {
      const auto spread = static_cast<std::uint64_t>(longest - shortest + 1);
      offsets.push_back(offsets.back() + shortest +
                        static_cast<std::int64_t>(random.below(spread)));
      groups.push_back(s / 8);
      scores.push_back(static_cast<float>(random.uniform()));
    }
    const auto tokens = static_cast<std::size_t>(offsets.back());
    for (auto* v : {&rewards, &values, &advantages, &returns})
      for (std::size_t t = 0; t < tokens; ++t) v->push_back(static_cast<float>(random.uniform()));
    for (std::size_t t = 0; t < tokens; ++t) mask.push_back(random.uniform() >= gap_rate);
  }
  Trajectories view() const {
    return {.offsets = offsets,
            .token_rewards = rewards,
            .values = values,
            .mask = mask,
            .groups = groups,
            .scores = scores};
  }
};

template <class P>
void run(benchmark::State& state, Data data, const P& policy) {
  const Trajectories in = data.view();
  for (auto _ : state) {
    estimate(policy, in, {data.advantages, data.returns});
    benchmark::DoNotOptimize(data.advantages.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * in.tokens());
}

void gae_512x1024(benchmark::State& s) { run(s, {512, 1024, 1024, 0}, Gae{}); }
void gae_mixed_lengths(benchmark::State& s) { run(s, {512, 1, 2047, 0}, Gae{}); }
void gae_with_gaps(benchmark::State& s) { run(s, {512, 1024, 1024, 0.1}, Gae{}); }
void gae_whitened(benchmark::State& s) { run(s, {512, 1024, 1024, 0}, Whitened<Gae>{}); }
void group_relative(benchmark::State& s) { run(s, {512, 1024, 1024, 0}, GroupRelative{}); }

BENCHMARK(gae_512x1024)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(gae_mixed_lengths)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(gae_with_gaps)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(gae_whitened)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(group_relative)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
