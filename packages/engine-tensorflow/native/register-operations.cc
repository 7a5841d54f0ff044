#include "register-operations.h"

#include <utility>

#include "operations.h"
#include "read-weights.h"
#include "tensorflow-call.h"

namespace subtext {
namespace {

/** A whole number from two inputs of 32 bits, the lower ones first. */
int64_t wide(const int32_t* parts) { return static_cast<int64_t>(static_cast<uint64_t>(static_cast<uint32_t>(parts[0])) | static_cast<uint64_t>(static_cast<uint32_t>(parts[1])) << 32); }

void uninitialised(Call& call) { call.outputOfSizes(0, 0); }

// request: file descriptor, type, count, then in two parts each the byte in the file and the number in the tensor.
void readNumbers(Call& call) {
  float* problem = call.output(0, {1});
  if (call.failed()) return;
  const int32_t* request = call.integers(1);
  const int64_t count = request[2], from = wide(request + 5);
  // EINVAL: a request that reaches beyond the tensor writes nothing.
  *problem = count < 0 || from < 0 || from + count > call.count(0) ? 22 : static_cast<float>(readWeights(processorThreads(), request[0], wide(request + 3), request[1], count, call.numbers(0) + from));
}

template <void (*compute)(Call&)>
void runKernel(void*, TF_OpKernelContext* context) {
  TensorflowCall call(context);
  if (!call.failed()) compute(call);
}

/** TensorFlow hands a kernel nothing by which it could tell which one it is: each has a function of its own. */
template <int Index>
void runOperation(Call& call) {
  operations()[Index].compute(call);
}

template <void (*compute)(Call&)>
void add(TF_Status* status, const char* name, const std::vector<const char*>& inputs, const std::vector<const char*>& outputs, bool inPlace = false) {
  if (TF_GetCode(status) != TF_OK) return;
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  // Those without outputs change an input in place.
  TF_OpDefinitionBuilderSetIsStateful(definition, inPlace || outputs.size() == 0);
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", nullptr, runKernel<compute>, nullptr), status);
}

template <int... Indices>
void addAll(TF_Status* status, std::integer_sequence<int, Indices...>) {
  (add<runOperation<Indices>>(status, operations()[Indices].name, operations()[Indices].inputs, operations()[Indices].outputs), ...);
}

}  // namespace

void registerOperations(TF_Status* status) {
  addAll(status, std::make_integer_sequence<int, kOperations>());
  add<uninitialised>(status, "SubtextUninitialised", {"sizes: int32"}, {"output: float"});
  add<readNumbers>(status, "SubtextReadNumbers", {"buffer: float", "request: int32"}, {"problem: float"}, true);
}

}  // namespace subtext
