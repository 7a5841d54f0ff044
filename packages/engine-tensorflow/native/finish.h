// What becomes of a product's finished sums.
#pragma once

#include "activations.h"

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

/** Where finished sums go: rows of the output and of what belongs to it are `stride` numbers apart. */
struct Store {
  float* output;
  int64_t stride;
  Finish rest;
};

template <typename Function>
inline void finish(const Store& store, Function, int64_t row, int64_t column, Vector sum, int64_t count) {
  const Finish& rest = store.rest;
  const int64_t place = row * store.stride + column;
  if (rest.bias) sum += take(rest.bias + column, count);
  const ValueAndSlope found = Function::at(sum);
  Vector value = found.value;
  if (rest.factor) value *= take(rest.factor + place, count);
  if (rest.added) value += take(rest.added + place, count);
  put(store.output + place, value, count);
  if (!rest.slope) return;
  float* slope = rest.slope + place;
  if (count == kLanes && reinterpret_cast<uintptr_t>(slope) % sizeof(Vector) == 0) storePast(slope, found.slope);
  else put(slope, found.slope, count);
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
