// Weights that lie outside of the memory of tensors, in fewer bits: made, filled from files or numbers, read back, freed.
// They are known by numbers, so that one that is not there is found out.
#pragma once

#include <memory>

#include "kernels.h"
#include "read-weights.h"

namespace subtext {

struct StoredWeight {
  WeightType type;
  int64_t rows, columns;
  std::unique_ptr<uint8_t[], void (*)(void*)> numbers;
  std::unique_ptr<float[], void (*)(void*)> scales;

  Weight weight() const { return Weight(numbers.get(), type, scales.get()); }
  int64_t bytes() const;
};

/** What filling a weight answers beside 0 and the operating system's error numbers, which are above 0. */
enum FillProblem { kFileEnds = -1, kNotFinite = -2, kNoMemory = -3, kNoSuchRows = -4 };

/** The number of a new weight, its contents undefined; negative where there is no memory for it or no such type. */
int32_t makeWeight(int type, int64_t rows, int64_t columns);
/** Null where there is none by this number. */
const StoredWeight* findWeight(int32_t number);
void freeWeight(int32_t number);
/** Bytes of all of them. */
int64_t storedBytes();

/**
 * Rounds `count` rows of float32 numbers to a weight's type and puts them from row `from` on: to bfloat16 to the nearest,
 * ties to even; to 8 bits by the row's largest magnitude over 127; to 4 by that of a block of 64. Several threads.
 *
 * @returns 0, or a FillProblem: what is not finite has no place in 8 and 4 bits
 */
int fillWeight(const Threads&, int32_t number, int64_t from, int64_t count, const float* values);

/** As `fillWeight`, from byte `position` of an open file on, where numbers lie as `stored` says; those of the weight's own type as they are. */
int fillWeightFromFile(const Threads&, int32_t number, int64_t from, int64_t count, int descriptor, int64_t position, int stored);

}  // namespace subtext
