// The kernels as operations on tensors, by name: what every engine that uses them registers or looks up. What changes from
// call to call comes as an input (`settings`), not as an attribute: TensorFlow keeps a kernel for every set of attributes
// that it has seen.
#pragma once

#include <cstring>
#include <vector>

#include "call.h"

namespace subtext {

struct Operation {
  const char* name;
  void (*compute)(Call&);
  /** As `name: type`. Those without outputs change an input in place. */
  std::vector<const char*> inputs, outputs;

  /** Whether an input is read by `Call::weight`, so that it may be stored in fewer bits: `weight`, `…_weight` and `table`. */
  bool readsWeight(int input) const {
    const char* name = inputs[static_cast<size_t>(input)];
    return strstr(name, "weight: ") || strstr(name, "table: ");
  }
};

/** Always in the same order. */
const std::vector<Operation>& operations();
/** How many there are. */
constexpr int kOperations = 27;

}  // namespace subtext
