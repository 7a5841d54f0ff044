#pragma once

#include "tensorflow-api.h"

namespace subtext {

/** Registers every operation with TensorFlow, for processors, once a process; the first failure stays in `status`. */
void registerOperations(TF_Status* status);

}  // namespace subtext
