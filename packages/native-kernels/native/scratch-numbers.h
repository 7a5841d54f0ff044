// Memory for what is computed on the way.
#pragma once

#include <cstdint>
#include <memory>

#include "aligned-memory.h"

namespace subtext {

using Numbers = std::unique_ptr<float[], void (*)(void*)>;

/** Room for `count` numbers; null where there is none. */
inline Numbers allocateNumbers(int64_t count) {
  return Numbers(static_cast<float*>(allocateAligned(static_cast<size_t>(count > 0 ? count : 1) * sizeof(float))), freeAligned);
}

}  // namespace subtext
