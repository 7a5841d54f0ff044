#include "memory-speed.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>

#include "aligned-memory.h"
#include "memory.h"

namespace subtext {

double memorySpeed(const Threads& threads, int64_t bytes, int rounds) {
  constexpr int64_t kPart = 1 << 20;
  struct Reading {
    uint64_t* numbers;
    std::atomic<uint64_t> sum{0};
  } reading;
  const int64_t parts = bytes / kPart;
  const std::unique_ptr<void, void (*)(void*)> block(allocateAligned(static_cast<size_t>(parts * kPart)), freeAligned);
  if (!block || parts == 0) return 0;
  useLargePages(block.get(), static_cast<size_t>(parts * kPart));
  memset(block.get(), 1, static_cast<size_t>(parts * kPart));
  reading.numbers = static_cast<uint64_t*>(block.get());
  double best = 0;
  for (int round = 0; round < rounds; round++) {
    const auto began = std::chrono::steady_clock::now();
    threads.run(parts, [](void* context, int64_t part) {
      Reading& shared = *static_cast<Reading*>(context);
      const uint64_t* from = shared.numbers + part * (kPart / 8);
      // Eight sums, so that none waits for the one before it.
      uint64_t sums[8] = {};
      for (int64_t index = 0; index < kPart / 8; index += 8) {
        for (int lane = 0; lane < 8; lane++) sums[lane] += from[index + lane];
      }
      uint64_t sum = 0;
      for (const uint64_t lane : sums) sum += lane;
      shared.sum.fetch_add(sum, std::memory_order_relaxed);
    }, &reading);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const double speed = seconds > 0 ? static_cast<double>(parts * kPart) / seconds : 0;
    if (speed > best) best = speed;
  }
  // Looked at, or the compiler may leave the reading out.
  return reading.sum.load() == 0 ? 0 : best;
}

}  // namespace subtext
