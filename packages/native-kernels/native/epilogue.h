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
  Epilogue rest;
};

template <typename Function>
inline void applyEpilogue(const Store& store, Function, int64_t row, int64_t column, Vector sum, int64_t count) {
  const Epilogue& rest = store.rest;
  const int64_t place = row * store.stride + column;
  if (rest.bias) sum += loadUpTo(rest.bias + column, count);
  if (rest.before) sum += loadUpTo(rest.before + place, count);
  const ValueAndDerivative found = Function::at(sum);
  Vector value = found.value;
  if (rest.factor) value *= loadUpTo(rest.factor + place, count);
  if (rest.added) value += loadUpTo(rest.added + place, count);
  storeUpTo(store.output + place, value, count);
  if (!rest.derivative) return;
  float* derivative = rest.derivative + place;
  if (count == kLanes && reinterpret_cast<uintptr_t>(derivative) % sizeof(Vector) == 0) storeStreaming(derivative, found.derivative);
  else storeUpTo(derivative, found.derivative, count);
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
