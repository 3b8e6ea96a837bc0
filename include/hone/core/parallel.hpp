// Threads: a process-wide pool whose jobs are numbered chunks.
//
// A chunk owns outputs, never a part of a sum, so the thread count changes no bit. Chunks are
// claimed one at a time by whoever is free, the caller included. The caller waits only for chunks
// that somebody has claimed: on a machine with busy neighbours it does the rest itself instead of
// waiting for a thread that has no core to run on.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "hone/core/config.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace detail {

inline void pause_thread() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();  // the intrinsic's header takes half a second to compile
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until done() or until it took too long to be worth a core; returns done(). After a short
// while it lets others have the core between two looks: to wake a thread that sleeps takes as long
// as many a kernel, but a thread that has work must not wait for one that has none.
template <class Done>
bool spin_until(const Done& done) {
  constexpr auto alone = std::chrono::microseconds(40), limit = std::chrono::microseconds(400);
  const auto start = std::chrono::steady_clock::now();
  for (auto spent = alone - alone; spent < limit;) {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      pause_thread();
    }
    spent = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                                  start);
    if (spent >= alone) std::this_thread::yield();
  }
  return done();
}

// One job at a time. A claim is a decrement of `unclaimed_`; everything else about the job is read
// after a successful claim, and a claimed chunk keeps the job alive, so a thread that comes late
// never sees a half-written or a finished job.
class ThreadPool {
 public:
  static ThreadPool& instance() {
    // Never destroyed: sleeping workers may outlive every static object.
    static ThreadPool* pool = new ThreadPool;
    return *pool;
  }

  int threads() const { return threads_.load(std::memory_order_relaxed); }

  void set_threads(int n) {
    require(n >= 1 && n <= 4096, "set_threads: threads is ", n, ", expected 1 to 4096");
    require(!inside(), "set_threads: called inside parallel_for, expected outside");
    const std::lock_guard<std::mutex> lock(one_job_);
    threads_.store(n, std::memory_order_relaxed);
  }

  // True while this thread runs a chunk.
  static bool& inside() {
    thread_local bool value = false;
    return value;
  }

  void run(std::int64_t chunks, void (*call)(void*, std::int64_t), void* context) {
    if (chunks <= 0) return;
    std::unique_lock<std::mutex> lock(one_job_, std::defer_lock);
    // A nested call, a pool that is busy with another thread's job, or nothing to share: run here.
    if (inside() || chunks == 1 || threads() == 1 || !lock.try_lock()) {
      for (std::int64_t c = 0; c < chunks; ++c) call(context, c);
      return;
    }
    start_workers();
    call_ = call;
    context_ = context;
    chunks_ = chunks;
    unfinished_.store(chunks, std::memory_order_relaxed);
    unclaimed_.store(chunks, std::memory_order_seq_cst);
    signal_.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) signal_.notify_all();

    while (run_one()) {
    }
    const auto finished = [&] { return unfinished_.load(std::memory_order_acquire) == 0; };
    if (!spin_until(finished)) {
      while (true) {
        const std::int32_t seen = finished_.load(std::memory_order_acquire);
        if (finished()) break;
        finished_.wait(seen, std::memory_order_acquire);
      }
    }
    if (failed_.load(std::memory_order_acquire)) {
      failed_.store(false, std::memory_order_relaxed);
      std::exception_ptr error = std::exchange(error_, nullptr);
      lock.unlock();
      std::rethrow_exception(error);
    }
  }

 private:
  ThreadPool() : threads_(static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))) {}

  // Claims and runs one chunk of the current job.
  bool run_one() {
    std::int64_t unclaimed = unclaimed_.load(std::memory_order_acquire);
    do {
      if (unclaimed <= 0) return false;
    } while (!unclaimed_.compare_exchange_weak(unclaimed, unclaimed - 1, std::memory_order_acq_rel,
                                               std::memory_order_acquire));
    std::int64_t done = 1;
    inside() = true;
    try {
      call_(context_, chunks_ - unclaimed);
    } catch (...) {
      if (!failed_.exchange(true, std::memory_order_acq_rel)) error_ = std::current_exception();
      done += unclaimed_.exchange(0, std::memory_order_acq_rel);  // nobody starts the rest
    }
    inside() = false;
    if (unfinished_.fetch_sub(done, std::memory_order_acq_rel) == done) {
      finished_.fetch_add(1, std::memory_order_release);
      finished_.notify_one();
    }
    return true;
  }

  void start_workers() {
    try {
      for (; started_ < threads() - 1; ++started_)
        std::thread([this, index = started_] { work(index); }).detach();
    } catch (const std::system_error&) {
      // The system grants no more threads: those that run, and the caller, do the work.
    }
  }

  void work(int index) {
    while (true) {
      std::int32_t seen = signal_.load(std::memory_order_seq_cst);
      if (index < threads() - 1) {
        while (run_one()) {
        }
        if (spin_until([&] { return signal_.load(std::memory_order_acquire) != seen; })) continue;
      }
      sleepers_.fetch_add(1, std::memory_order_seq_cst);
      signal_.wait(seen, std::memory_order_seq_cst);
      sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    }
  }

  std::atomic<int> threads_;
  int started_ = 0;
  std::mutex one_job_;

  void (*call_)(void*, std::int64_t) = nullptr;
  void* context_ = nullptr;
  std::int64_t chunks_ = 0;
  std::exception_ptr error_;
  std::atomic<bool> failed_{false};

  alignas(64) std::atomic<std::int64_t> unclaimed_{0};
  alignas(64) std::atomic<std::int64_t> unfinished_{0};
  std::atomic<std::int32_t> finished_{0};
  alignas(64) std::atomic<std::int32_t> signal_{0};
  std::atomic<std::int32_t> sleepers_{0};
};

}  // namespace detail

// How many threads parallel_for may use, the caller included; at first the number of cores.
inline int threads() { return detail::ThreadPool::instance().threads(); }

// Takes effect at the next parallel_for. Must not be called from inside one.
inline void set_threads(int n) { detail::ThreadPool::instance().set_threads(n); }

// Calls f(c) for every c in [0, chunks), in any order and on any thread, and returns when all are
// done. The first exception that a chunk throws is thrown here; chunks not yet begun are dropped.
// A nested call, and a call while another thread uses the pool, runs in the calling thread.
template <class F>
void parallel_for(std::int64_t chunks, F&& f) {
  using Function = std::remove_reference_t<F>;
  detail::ThreadPool::instance().run(
      chunks, [](void* context, std::int64_t chunk) { (*static_cast<Function*>(context))(chunk); },
      const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

// The same for chunks that lie side by side in memory: each thread takes a run of neighbours, one
// after the other, and so reads one long stream; who is done with his own run helps with the
// others.
template <class F>
void parallel_for_neighbours(std::int64_t chunks, const F& f) {
  struct alignas(64) Run {
    std::atomic<std::int64_t> next;
    std::int64_t end;
  };
  const std::int64_t n = std::min<std::int64_t>(threads(), chunks);
  std::vector<Run> runs(static_cast<std::size_t>(std::max<std::int64_t>(0, n)));
  for (std::int64_t i = 0; i < n; ++i) {
    Run& run = runs[static_cast<std::size_t>(i)];
    run.next.store(chunks * i / n, std::memory_order_relaxed);
    run.end = chunks * (i + 1) / n;
  }
  parallel_for(n, [&](std::int64_t own) {
    for (std::int64_t i = 0; i < n; ++i) {
      Run& run = runs[static_cast<std::size_t>((own + i) % n)];
      std::int64_t c;
      while ((c = run.next.fetch_add(1, std::memory_order_relaxed)) < run.end) f(c);
    }
  });
}

}  // namespace v0
}  // namespace hone
