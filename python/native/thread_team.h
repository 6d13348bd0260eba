// A main thread and its helpers, who share out the chunks of one loop after the other. Knows no model.
// A chunk is claimed, never assigned: a helper whose core is taken by another process delays nobody but the
// chunk it holds. Idle helpers spin for some microseconds, then sleep. A main thread that waits for a chunk sleeps,
// too: only an idle core takes over the helper that waits for its own.
#pragma once
#include <immintrin.h>
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

class ThreadTeam {
 public:
  explicit ThreadTeam(int helpers) {
    for (int i = 0; i < helpers; ++i) threads_.emplace_back([this, i] { help(i + 1); });
  }

  ~ThreadTeam() {
    stopping_.store(true);
    wake();
    for (auto& thread : threads_) thread.join();
  }

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  // Helpers that may take part from the next loop on.
  void limit(int threads) { allowed_.store(threads - 1); }

  // Calls body(chunk, thread) once for each chunk in 0..chunks-1 and returns when all are done.
  template <typename Body>
  void share(int chunks, Body&& body) {
    if (chunks <= 1 || allowed_.load(std::memory_order_relaxed) <= 0 || threads_.empty()) {
      for (int chunk = 0; chunk < chunks; ++chunk) body(chunk, 0);
      return;
    }
    body_ = std::ref(body);
    done_.store(0, std::memory_order_relaxed);
    const uint64_t epoch = (left_.load(std::memory_order_relaxed) >> 32) + 1;
    left_.store(epoch << 32 | static_cast<uint32_t>(chunks), std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst) > 0) wake();
    while (take(0)) {
    }
    const uint64_t begun = __rdtsc();
    for (int spins = 0; done_.load(std::memory_order_acquire) < chunks; ++spins)
      spins < kSpins ? _mm_pause() : std::this_thread::sleep_for(std::chrono::microseconds(10));
    waited_ += __rdtsc() - begun;
  }

  // Clock ticks that the main thread has waited for others, since it was last asked.
  uint64_t take_waited() { return std::exchange(waited_, 0); }

 private:
  static constexpr int kSpins = 1500;

  // The low half of left_ counts unclaimed chunks, the high half the loops: a claim from an old loop must fail.
  bool take(int thread) {
    uint64_t seen = left_.load(std::memory_order_acquire);
    while (static_cast<uint32_t>(seen) > 0) {
      if (left_.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel)) {
        body_(static_cast<int>(static_cast<uint32_t>(seen)) - 1, thread);
        done_.fetch_add(1, std::memory_order_release);
        return true;
      }
    }
    return false;
  }

  void help(int thread) {
    while (!stopping_.load(std::memory_order_relaxed)) {
      int spins = 0;
      while (spins < kSpins && thread <= allowed_.load(std::memory_order_relaxed)) {
        if (take(thread)) {
          spins = 0;
        } else {
          ++spins;
          _mm_pause();
        }
      }
      sleep(thread);
    }
  }

  void sleep(int thread) {
    const uint32_t ticket = wakes_.load(std::memory_order_seq_cst);
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    const bool has_work = static_cast<uint32_t>(left_.load(std::memory_order_seq_cst)) > 0;
    if (!(has_work && thread <= allowed_.load()) && !stopping_.load()) wakes_.wait(ticket);
    sleeping_.fetch_sub(1, std::memory_order_seq_cst);
  }

  void wake() {
    wakes_.fetch_add(1, std::memory_order_seq_cst);
    wakes_.notify_all();
  }

  std::function<void(int, int)> body_;
  uint64_t waited_ = 0;
  std::atomic<uint64_t> left_{0};
  std::atomic<int> done_{0};
  std::atomic<int> allowed_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<uint32_t> wakes_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};
