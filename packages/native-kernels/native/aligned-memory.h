// Memory from a multiple of 64 bytes on, by the system's own function for it. Static, since each level of the kernels must
// keep to its own copy.
#pragma once

#include <cstddef>
#include <cstdlib>
#if defined(_WIN32)
#include <malloc.h>
#endif

namespace subtext {

/** Null where there is none. */
static inline void* allocateAligned(size_t bytes) {
#if defined(_WIN32)
  return _aligned_malloc(bytes, 64);
#else
  void* memory = nullptr;
  return posix_memalign(&memory, 64, bytes) == 0 ? memory : nullptr;
#endif
}

static inline void freeAligned(void* memory) {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  free(memory);
#endif
}

}  // namespace subtext
