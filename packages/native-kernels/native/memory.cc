#include "memory.h"

#include <cstdint>
#include <cstdlib>

#if defined(__linux__) && defined(__GLIBC__)
#include <atomic>

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace subtext {
namespace {

constexpr uintptr_t kLargePage = 2 << 20;
/** Smaller blocks come from the heap, or are not worth a call to the system. */
constexpr size_t kLargeBlock = 16 << 20;
/** By how much more than it needs the heap grows: addresses alone, until they are written to. */
constexpr int kHeapStep = 64 << 20;

/** Where the part of the heap ends whose pages have been asked for; 0 where nothing is to be asked for. */
std::atomic<uintptr_t> advisedTo{0};

void advise(uintptr_t from, uintptr_t to) {
  from = (from + kLargePage - 1) / kLargePage * kLargePage;
  to = to / kLargePage * kLargePage;
  // A system without large pages refuses, and gives small ones as ever.
  if (to > from) madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
}

uintptr_t heapEnd() { return reinterpret_cast<uintptr_t>(sbrk(0)); }

}  // namespace

void keepFreedMemory() {
  if (getenv("MALLOC_TRIM_THRESHOLD_") || getenv("MALLOC_MMAP_THRESHOLD_") || getenv("MALLOC_TOP_PAD_") || getenv("GLIBC_TUNABLES")) return;
  // Before glibc 2.35 no more than 32 MB could be asked for.
  if (!mallopt(M_MMAP_THRESHOLD, 256 << 20)) mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, kHeapStep);
  advisedTo.store(heapEnd());
  // Makes the heap grow, so that the first tensors find large pages too. Volatile, or compilers leave both calls out.
  void* volatile block = malloc(kHeapStep);
  free(block);
  useLargePages(nullptr, 0);
}

void useLargePages(void* block, size_t bytes) {
  const uintptr_t known = advisedTo.load(std::memory_order_relaxed);
  if (known == 0) return;
  const uintptr_t end = heapEnd(), begin = reinterpret_cast<uintptr_t>(block);
  if (end != known) {
    // A heap that has shrunk in between grows back in small pages.
    if (end > known) advise(known, end);
    advisedTo.store(end, std::memory_order_relaxed);
  }
  if (bytes >= kLargeBlock && begin >= end) advise(begin, begin + bytes);
}

}  // namespace subtext

#else

namespace subtext {
void keepFreedMemory() {}
void useLargePages(void*, size_t) {}
}  // namespace subtext

#endif
