// Memory for what is computed on the way.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace subtext {

using Numbers = std::unique_ptr<float[], void (*)(void*)>;

/** Room for `count` numbers, from a multiple of 64 bytes on; null where there is none. */
inline Numbers allocateNumbers(int64_t count) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 64, static_cast<size_t>(count > 0 ? count : 1) * sizeof(float)) != 0) memory = nullptr;
  return Numbers(static_cast<float*>(memory), free);
}

}  // namespace subtext
