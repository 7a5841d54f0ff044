// Threads that wait for work. Tasks are handed out one by one, so that a thread that another process holds up delays
// nothing but the task it has.
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include "kernels.h"

namespace subtext {
namespace {

/** One call of `run`: what to do, and how much of it is handed out and done. */
struct Work {
  int64_t count;
  void (*task)(void*, int64_t);
  void* context;
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> done{0};

  void help() {
    for (int64_t index = next.fetch_add(1); index < count; index = next.fetch_add(1)) {
      task(context, index);
      done.fetch_add(1, std::memory_order_release);
    }
  }
};

constexpr int kMostThreads = 1024;

int allowedThreads() {
  for (const char* variable : {"SUBTEXT_THREADS", "TF_NUM_INTRAOP_THREADS"}) {
    const char* requested = getenv(variable);
    if (requested && atoi(requested) > 0) return atoi(requested) < kMostThreads ? atoi(requested) : kMostThreads;
  }
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  const int count = static_cast<int>(std::thread::hardware_concurrency());
  return count > 0 ? count : 1;
}

void run(int64_t count, void (*task)(void*, int64_t), void* context);

/**
 * Keeps this library loaded until the process ends. Whoever loaded it may let it go while the threads still look for work
 * (Node does, as it ends a thread's environment): their code must not go with it.
 */
void stayLoaded() {
#if defined(_WIN32)
  HMODULE self;
  GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN, reinterpret_cast<LPCSTR>(&run), &self);
#else
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&run), &self) != 0 && self.dli_fname) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
#endif
}

class Pool {
 public:
  explicit Pool(int threads) {
    stayLoaded();
    for (int index = 1; index < threads; index++) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::system_error&) {
        // The system allows no more: with those that there are, or alone.
        return;
      }
    }
  }

  void run(int64_t count, void (*task)(void*, int64_t), void* context) {
    // Two callers at once (Node's worker threads): the second does its own work alone.
    std::unique_lock<std::mutex> owner(calls_, std::try_to_lock);
    Work work;
    work.count = count;
    work.task = task;
    work.context = context;
    if (!owner.owns_lock()) return work.help();
    {
      std::lock_guard<std::mutex> lock(state_);
      current_ = &work;
      turn_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    work.help();
    // All tasks are handed out; a helper may still be at its last one, or about to look.
    for (int spins = 0; work.done.load(std::memory_order_acquire) < count; spins++) {
      if (spins > 2000) std::this_thread::yield();
    }
    {
      std::lock_guard<std::mutex> lock(state_);
      current_ = nullptr;
    }
    for (int spins = 0; helpers_.load(std::memory_order_acquire) > 0; spins++) {
      if (spins > 2000) std::this_thread::yield();
    }
  }

 private:
  void serve() {
    int64_t seen = 0;
    for (;;) {
      // Operations follow one another within microseconds: a short look spares most of them the wake-up.
      for (int spins = 0; spins < kSpins && turn_.load(std::memory_order_acquire) == seen; spins++) pause();
      Work* work = nullptr;
      {
        std::unique_lock<std::mutex> lock(state_);
        wake_.wait(lock, [&] { return turn_.load(std::memory_order_relaxed) != seen; });
        seen = turn_.load(std::memory_order_relaxed);
        work = current_;
        if (work) helpers_.fetch_add(1, std::memory_order_acq_rel);
      }
      if (work) {
        work->help();
        helpers_.fetch_sub(1, std::memory_order_acq_rel);
      }
    }
  }

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  /** About 20 µs. */
  static constexpr int kSpins = 500;
  std::mutex calls_, state_;
  std::condition_variable wake_;
  std::atomic<int64_t> turn_{0};
  std::atomic<int> helpers_{0};
  Work* current_ = nullptr;
};

Pool& pool() {
  // Never destroyed: its threads wait on it until the process ends.
  static Pool* const instance = new Pool(allowedThreads());
  return *instance;
}

void run(int64_t count, void (*task)(void*, int64_t), void* context) { pool().run(count, task, context); }

}  // namespace

const Threads& processorThreads() {
  static const Threads threads = {allowedThreads(), run};
  return threads;
}

}  // namespace subtext
