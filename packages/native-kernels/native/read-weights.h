// Weights from a file straight into a tensor's memory.
#pragma once

#include <cstdint>

#include "kernels.h"

namespace subtext {

/** How numbers lie in the file, little-endian: agreed with `read-tensor.ts`. */
enum StoredType { kFloat32 = 0, kBfloat16 = 1, kFloat16 = 2 };

/**
 * Reads `count` numbers from byte `position` of an open file into `output`, on all threads; 16-bit numbers are widened
 * to float32 exactly, bit for bit, payloads of not-a-numbers included. The file's own position is neither used nor moved.
 *
 * @returns 0; -1 where the file ends before; else the operating system's error number
 */
int readWeights(const Threads&, int descriptor, int64_t position, int type, int64_t count, float* output);

/** As `readWeights`, `bytes` as they are. */
int readBytes(const Threads&, int descriptor, int64_t position, int64_t bytes, void* output);

}  // namespace subtext
