// The library's plain C interface, which `src/library.ts` calls through koffi.
#include <mutex>

#include "memory-call.h"
#include "memory.h"
#include "operations.h"
#include "read-weights.h"

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
  MemoryCall call(memory, static_cast<int64_t>(bytes), places, inputs, outputs, settings, settingCount, message, messageBytes);
  const size_t index = static_cast<size_t>(operation);
  if (!call.failed() && index < operations().size() && operations()[index].inputs.size() == static_cast<size_t>(inputs) && operations()[index].outputs.size() == static_cast<size_t>(outputs)) {
    operations()[index].compute(call);
  } else if (!call.failed()) {
    snprintf(message, static_cast<size_t>(messageBytes), "there is no operation %d of %d inputs and %d outputs.", operation, inputs, outputs);
    return Call::kInvalid;
  }
  return call.fault();
}

/** See `readWeights`; EINVAL where the numbers would not lie in the memory. */
SUBTEXT_EXPORT int32_t subtext_read(uint8_t* memory, double bytes, double offset, int32_t descriptor, double position, int32_t type, double count) {
  if (!(offset >= 0 && count >= 0 && position >= 0 && offset + 4 * count <= bytes)) return 22;
  return readWeights(processorThreads(), descriptor, static_cast<int64_t>(position), type, static_cast<int64_t>(count), reinterpret_cast<float*>(memory + static_cast<int64_t>(offset)));
}

/** See `keepFreedMemory`; for a program that asks for it, since settings of malloc are the whole process's. */
SUBTEXT_EXPORT void subtext_keep_freed_memory() {
  static std::once_flag once;
  std::call_once(once, keepFreedMemory);
}

}
