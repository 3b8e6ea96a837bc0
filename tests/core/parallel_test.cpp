#include "hone/core/parallel.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using hone::parallel_for;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Threads {
  explicit Threads(int n) : before(hone::threads()) { hone::set_threads(n); }
  ~Threads() { hone::set_threads(before); }
  int before;
};

TEST(Parallel, EveryChunkRunsOnce) {
  for (int n : {1, 2, 3, 8}) {
    const Threads threads(n);
    EXPECT_EQ(hone::threads(), n);
    for (std::int64_t chunks : {0, 1, 2, 3, 7, 100, 5000}) {
      std::vector<int> runs(static_cast<std::size_t>(chunks));
      parallel_for(chunks, [&](std::int64_t c) { ++runs[static_cast<std::size_t>(c)]; });
      EXPECT_EQ(std::count(runs.begin(), runs.end(), 1), chunks) << n << " threads";
    }
  }
}

TEST(Parallel, EveryNeighbourRunsOnce) {
  for (int n : {1, 2, 3, 8}) {
    const Threads threads(n);
    for (std::int64_t chunks : {0, 1, 2, 3, 7, 100, 5000}) {
      std::vector<int> runs(static_cast<std::size_t>(chunks));
      hone::parallel_for_neighbours(chunks,
                                    [&](std::int64_t c) { ++runs[static_cast<std::size_t>(c)]; });
      EXPECT_EQ(std::count(runs.begin(), runs.end(), 1), chunks) << n << " threads";
    }
  }
}

TEST(Parallel, WhoIsDoneWithHisNeighboursTakesThoseOfAThreadThatHangs) {
  const Threads threads(2);
  std::atomic<int> others{0};
  hone::parallel_for_neighbours(10, [&](std::int64_t c) {
    if (c > 0) {
      ++others;
      return;
    }
    const auto start = Clock::now();
    while (others < 9 && seconds_since(start) < 60) std::this_thread::yield();
    EXPECT_EQ(others, 9);
  });
}

TEST(Parallel, ManyShortJobsOneAfterTheOther) {
  const Threads threads(4);
  std::vector<std::int64_t> out(64);
  for (std::int64_t job = 0; job < 20000; ++job) {
    const std::int64_t chunks = 1 + job % 64;
    parallel_for(chunks, [&](std::int64_t c) { out[static_cast<std::size_t>(c)] = job + c; });
    for (std::int64_t c = 0; c < chunks; ++c)
      ASSERT_EQ(out[static_cast<std::size_t>(c)], job + c) << "job " << job;
  }
}

TEST(Parallel, NestedCallsRunInline) {
  const Threads threads(2);
  std::atomic<int> total{0};
  parallel_for(8, [&](std::int64_t) {
    const auto self = std::this_thread::get_id();
    parallel_for(8, [&](std::int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), self);
      ++total;
    });
  });
  EXPECT_EQ(total, 64);
}

TEST(Parallel, TheFirstExceptionArrivesAndThePoolGoesOn) {
  for (int n : {1, 2, 4}) {
    const Threads threads(n);
    for (int trial = 0; trial < 200; ++trial) {
      std::atomic<int> ran{0};
      try {
        parallel_for(50, [&](std::int64_t c) {
          ++ran;
          if (c % 10 == 3) throw std::runtime_error("chunk " + std::to_string(c));
        });
        FAIL() << "no exception";
      } catch (const std::runtime_error& e) {
        EXPECT_EQ(std::string(e.what()).substr(0, 6), "chunk ");
      }
      EXPECT_LT(ran, 50);
      std::atomic<int> after{0};
      parallel_for(50, [&](std::int64_t) { ++after; });
      ASSERT_EQ(after, 50);
    }
  }
}

TEST(Parallel, ThreadsOfTheProgramShareThePool) {
  const Threads threads(2);
  std::atomic<std::int64_t> total{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      for (int job = 0; job < 500; ++job) parallel_for(16, [&](std::int64_t c) { total += c; });
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(total, 4 * 500 * 120);
}

TEST(Parallel, RefusesThreadCountsThatMakeNoSense) {
  EXPECT_THROW(hone::set_threads(0), hone::Error);
  EXPECT_THROW(hone::set_threads(1 << 20), hone::Error);
  const Threads threads(2);
  EXPECT_THROW(parallel_for(4, [](std::int64_t) { hone::set_threads(1); }), hone::Error);
}

TEST(Parallel, AChildAfterForkStillWorks) {
  const Threads threads(4);
  parallel_for(64, [](std::int64_t) {});
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> ran{0};
    parallel_for(64, [&](std::int64_t) { ++ran; });
    _exit(ran == 64 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

double work(int n) {  // a few nanoseconds per step, in registers
  double x = 1.0;
  for (int i = 0; i < n; ++i) x = x * 0.999999 + 1e-9;
  return x;
}

// Time of `jobs` short jobs of 8 chunks each, one after the other.
double time_jobs(int jobs, int steps) {
  std::atomic<double> keep{0.0};
  const auto start = Clock::now();
  for (int job = 0; job < jobs; ++job)
    parallel_for(8, [&](std::int64_t) { keep.store(work(steps), std::memory_order_relaxed); });
  return seconds_since(start);
}

TEST(Parallel, ForkAndJoinTakeMicroseconds) {
  const Threads threads(2);
  parallel_for(2, [](std::int64_t) {});
  std::vector<double> batches;
  for (int batch = 0; batch < 50; ++batch) {
    const auto start = Clock::now();
    for (int i = 0; i < 200; ++i) parallel_for(2, [](std::int64_t) {});
    batches.push_back(seconds_since(start) / 200);
  }
  std::sort(batches.begin(), batches.end());
  std::printf("fork and join, 2 threads: median %.2f us, worst batch of 200 %.2f us\n",
              1e6 * batches[25], 1e6 * batches.back());
  EXPECT_LT(batches.front(), 200e-6);
}

// One spinning neighbour per core halves what is left for us; twice the time is fair, a few times
// more is the scheduler's grain. A barrier that waits for threads without a core costs 40 times.
TEST(Parallel, ABusyNeighbourSlowsDownButDoesNotStop) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const Threads threads(cores);
  constexpr int jobs = 2000, steps = 2000;
  time_jobs(200, steps);
  const double alone = time_jobs(jobs, steps);
  std::vector<pid_t> neighbours;
  for (int c = 0; c < cores; ++c) {
    const pid_t child = fork();
    if (child == 0) {
      const auto start = Clock::now();
      while (seconds_since(start) < 20.0) {
      }
      _exit(0);
    }
    neighbours.push_back(child);
  }
  const double crowded = time_jobs(jobs, steps);
  for (const pid_t child : neighbours) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  std::printf("%d jobs on %d threads: alone %.1f ms, with %d busy neighbours %.1f ms: %.2f times\n",
              jobs, cores, 1e3 * alone, cores, 1e3 * crowded, crowded / alone);
  EXPECT_LT(crowded / alone, 12.0);
}

}  // namespace
