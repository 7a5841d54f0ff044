// How fast memory is read here: what generation with few rows waits for.
#pragma once

#include "kernels.h"

namespace subtext {

/** Bytes a second that all threads read together of a block of `bytes`, which caches must not hold; the best of `rounds`. 0 where there is no memory. */
double memorySpeed(const Threads&, int64_t bytes, int rounds);

}  // namespace subtext
