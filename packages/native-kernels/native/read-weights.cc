#include "read-weights.h"

#include <atomic>
#include <cerrno>
#include <cstring>

#if !defined(_WIN32)
#include <sys/types.h>
#include <unistd.h>
#endif

#if defined(__linux__)
#include <sys/mman.h>
#if !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23
#endif
#endif

namespace subtext {
namespace {

/** Numbers that a thread takes at a time: 4 MiB of the result, two large pages. */
constexpr int64_t kPart = 1 << 20;
/** 16-bit numbers read at a time before they are widened: 32 KiB, which stay in the core's own cache. */
constexpr int64_t kHalves = 1 << 14;

/** Reads exactly `bytes`: 0, -1 at the end of the file, or the error number. */
#if defined(_WIN32)
// A descriptor is a number of one C library there, and not of another.
int readFully(int, void*, size_t, int64_t) { return ENOSYS; }
#else
int readFully(int descriptor, void* into, size_t bytes, int64_t position) {
  char* at = static_cast<char*>(into);
  while (bytes > 0) {
    const ssize_t got = pread(descriptor, at, bytes, static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return -1;
    at += got;
    bytes -= static_cast<size_t>(got);
    position += got;
  }
  return 0;
}
#endif

/**
 * Has the system give a block its pages at once, in place of one fault for each, which takes a twelfth off the reading of
 * 498 MB (0.38 s of a core's time for 0.42). Linux before 5.14 refuses, and faults as ever. Where the memory is of large
 * pages and a virtual machine has given its free ones back to its host, getting them again costs more (0.65 s in all).
 */
void populate(void* block, int64_t bytes) {
#if defined(__linux__)
  static const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(block) + page - 1) / page * page;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(block) + static_cast<uintptr_t>(bytes)) / page * page;
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
#else
  (void)block;
  (void)bytes;
#endif
}

void widenBfloat16(int64_t count, const uint16_t* halves, uint32_t* bits) {
  for (int64_t index = 0; index < count; index++) bits[index] = static_cast<uint32_t>(halves[index]) << 16;
}

// Not by the processor's own instruction, which makes signalling not-a-numbers quiet.
void widenFloat16(int64_t count, const uint16_t* halves, uint32_t* bits) {
  for (int64_t index = 0; index < count; index++) {
    const uint32_t half = halves[index], magnitude = half & 0x7fffu;
    // The exponent's bias goes from 15 to 127; its largest value, for infinities and not-a-numbers, from 31 to 255.
    const uint32_t normal = (magnitude << 13) + (magnitude >= 0x7c00u ? 224u << 23 : 112u << 23);
    // Zero and subnormal numbers are multiples of 2⁻²⁴; all of them are normal in float32.
    const float multiple = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f;
    uint32_t subnormal;
    memcpy(&subnormal, &multiple, sizeof subnormal);
    bits[index] = ((half & 0x8000u) << 16) | (magnitude < 0x400u ? subnormal : normal);
  }
}

struct Reading {
  int descriptor;
  int64_t position;
  int type;
  int64_t count;
  float* output;
  std::atomic<int> problem{0};
};

int readPart(const Reading& reading, int64_t from, int64_t count) {
  populate(reading.output + from, 4 * count);
  if (reading.type == kFloat32) return readFully(reading.descriptor, reading.output + from, static_cast<size_t>(4 * count), reading.position + 4 * from);
  alignas(64) uint16_t halves[kHalves];
  for (int64_t done = 0; done < count; done += kHalves) {
    const int64_t size = count - done < kHalves ? count - done : kHalves;
    const int problem = readFully(reading.descriptor, halves, static_cast<size_t>(2 * size), reading.position + 2 * (from + done));
    if (problem != 0) return problem;
    uint32_t* bits = reinterpret_cast<uint32_t*>(reading.output + from + done);
    if (reading.type == kBfloat16) widenBfloat16(size, halves, bits);
    else widenFloat16(size, halves, bits);
  }
  return 0;
}

}  // namespace

int readWeights(const Threads& threads, int descriptor, int64_t position, int type, int64_t count, float* output) {
  Reading reading{descriptor, position, type, count, output};
  threads.run((count + kPart - 1) / kPart, [](void* context, int64_t part) {
    Reading& shared = *static_cast<Reading*>(context);
    if (shared.problem.load(std::memory_order_relaxed) != 0) return;
    const int64_t from = part * kPart, left = shared.count - from;
    const int problem = readPart(shared, from, left < kPart ? left : kPart);
    if (problem != 0) shared.problem.store(problem, std::memory_order_relaxed);
  }, &reading);
  return reading.problem.load();
}

int readBytes(const Threads& threads, int descriptor, int64_t position, int64_t bytes, void* output) {
  // Numbers as they are, whatever they are; the last few apart.
  const int64_t whole = bytes / 4;
  const int problem = readWeights(threads, descriptor, position, kFloat32, whole, static_cast<float*>(output));
  if (problem != 0 || bytes % 4 == 0) return problem;
  return readFully(descriptor, static_cast<char*>(output) + 4 * whole, static_cast<size_t>(bytes % 4), position + 4 * whole);
}

}  // namespace subtext
