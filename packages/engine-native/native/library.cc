// The library's plain C interface, which `src/library.ts` calls through koffi.
#include <mutex>

#include "memory-call.h"
#include "memory.h"
#include "memory-speed.h"
#include "operations.h"
#include "read-weights.h"
#include "weight-store.h"

#if defined(_WIN32)
#define SUBTEXT_EXPORT __declspec(dllexport)
#else
#define SUBTEXT_EXPORT __attribute__((visibility("default")))
#endif

using namespace subtext;

extern "C" {

/** The hash of the sources that this was compiled from: the caller compares it with its own. */
SUBTEXT_EXPORT const char* subtext_sources() { return SUBTEXT_SOURCES; }

/** What the kernels are compiled for here: the best level that the processor has. */
SUBTEXT_EXPORT const char* subtext_level() { return bestKernels().level; }

SUBTEXT_EXPORT int32_t subtext_threads() { return processorThreads().count; }

/** The name of an operation, by which its number is found; null past the last. */
SUBTEXT_EXPORT const char* subtext_operation(int32_t index) {
  return index >= 0 && index < static_cast<int32_t>(operations().size()) ? operations()[static_cast<size_t>(index)].name : nullptr;
}

/**
 * Runs an operation on tensors in `memory` of `bytes`: see `MemoryCall`. Any number of threads may call it at once, each
 * on memory of its own.
 *
 * @returns 0; else 1 for arguments that it refuses, 2 where memory ran out, with the reason in `message`
 */
SUBTEXT_EXPORT int32_t subtext_run(int32_t operation, uint8_t* memory, double bytes, const double* places, int32_t inputs, int32_t outputs, float* settings, int32_t settingCount, char* message, int32_t messageBytes) {
  const size_t index = static_cast<size_t>(operation);
  if (index >= operations().size() || operations()[index].inputs.size() != static_cast<size_t>(inputs) || operations()[index].outputs.size() != static_cast<size_t>(outputs)) {
    snprintf(message, static_cast<size_t>(messageBytes), "there is no operation %d of %d inputs and %d outputs.", operation, inputs, outputs);
    return Call::kInvalid;
  }
  MemoryCall call(operations()[index], memory, static_cast<int64_t>(bytes), places, inputs, outputs, settings, settingCount, message, messageBytes);
  if (!call.failed()) operations()[index].compute(call);
  return call.fault();
}

/** See `readWeights`; EINVAL where the numbers would not lie in the memory. */
SUBTEXT_EXPORT int32_t subtext_read(uint8_t* memory, double bytes, double offset, int32_t descriptor, double position, int32_t type, double count) {
  if (!(offset >= 0 && count >= 0 && position >= 0 && offset + 4 * count <= bytes)) return 22;
  return readWeights(processorThreads(), descriptor, static_cast<int64_t>(position), type, static_cast<int64_t>(count), reinterpret_cast<float*>(memory + static_cast<int64_t>(offset)));
}

/** See `makeWeight`, `freeWeight`, `storedBytes`. */
SUBTEXT_EXPORT int32_t subtext_make_weight(int32_t type, double rows, double columns) { return makeWeight(type, static_cast<int64_t>(rows), static_cast<int64_t>(columns)); }
SUBTEXT_EXPORT void subtext_free_weight(int32_t weight) { freeWeight(weight); }
SUBTEXT_EXPORT double subtext_stored_bytes() { return static_cast<double>(storedBytes()); }

/** See `fillWeight` and `fillWeightFromFile`; `room` numbers are at `values`. */
SUBTEXT_EXPORT int32_t subtext_fill_weight(int32_t weight, double from, double count, const float* values, double room) {
  const StoredWeight* const stored = findWeight(weight);
  if (!stored || !(count >= 0 && count * static_cast<double>(stored->columns) <= room)) return kNoSuchRows;
  return fillWeight(processorThreads(), weight, static_cast<int64_t>(from), static_cast<int64_t>(count), values);
}
SUBTEXT_EXPORT int32_t subtext_fill_weight_from_file(int32_t weight, double from, double count, int32_t descriptor, double position, int32_t stored) {
  return fillWeightFromFile(processorThreads(), weight, static_cast<int64_t>(from), static_cast<int64_t>(count), descriptor, static_cast<int64_t>(position), stored);
}

/** Rows `from … from + count` as float32 into room for `room` numbers: 0, or kNoSuchRows. */
SUBTEXT_EXPORT int32_t subtext_widen_weight(int32_t weight, double from, double count, float* output, double room) {
  const StoredWeight* const stored = findWeight(weight);
  if (!stored || !(from >= 0 && count >= 0 && from + count <= static_cast<double>(stored->rows) && count * static_cast<double>(stored->columns) <= room)) return kNoSuchRows;
  bestKernels().widen(processorThreads(), static_cast<int64_t>(from), static_cast<int64_t>(count), stored->columns, stored->weight(), output);
  return 0;
}

/** See `memorySpeed`. */
SUBTEXT_EXPORT double subtext_memory_speed(double bytes, int32_t rounds) { return memorySpeed(processorThreads(), static_cast<int64_t>(bytes), rounds); }

/** See `keepFreedMemory`; for a program that asks for it, since settings of malloc are the whole process's. */
SUBTEXT_EXPORT void subtext_keep_freed_memory() {
  static std::once_flag once;
  std::call_once(once, keepFreedMemory);
}

}
