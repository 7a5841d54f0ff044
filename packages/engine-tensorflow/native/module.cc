// The module that Node loads to have the operations registered.
#include <cstdio>
#include <mutex>

#include "kernels.h"
#include "memory.h"
#include "register-operations.h"

// Node-API, of which the module needs so little that its header is not asked for.
extern "C" {
typedef struct napi_env__* napi_env;
typedef struct napi_value__* napi_value;
int napi_throw_error(napi_env, const char* code, const char* message);
int napi_create_string_utf8(napi_env, const char* text, size_t length, napi_value* result);
int napi_set_named_property(napi_env, napi_value object, const char* name, napi_value value);
int napi_create_function(napi_env, const char* name, size_t length, napi_value (*function)(napi_env, void* info), void* data, napi_value* result);

/** For a program that asks for it: settings of malloc are the whole process's. */
static napi_value keepFreedMemory(napi_env, void*) {
  static std::once_flag once;
  std::call_once(once, subtext::keepFreedMemory);
  return nullptr;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  // Worker threads load the module again, in one process: operations are registered once.
  static std::once_flag once;
  static char problem[512] = "";
  std::call_once(once, [] {
    TF_Status* status = TF_NewStatus();
    subtext::registerOperations(status);
    if (TF_GetCode(status) != TF_OK) snprintf(problem, sizeof problem, "%s", TF_Message(status));
    TF_DeleteStatus(status);
  });
  if (problem[0]) {
    napi_throw_error(env, nullptr, problem);
    return exports;
  }
  const size_t whole = static_cast<size_t>(-1);
  napi_value level, function;
  const char* name = subtext::bestKernels().level;
  if (napi_create_string_utf8(env, name, whole, &level) == 0) napi_set_named_property(env, exports, "level", level);
  if (napi_create_function(env, "keepFreedMemory", whole, keepFreedMemory, nullptr, &function) == 0) napi_set_named_property(env, exports, "keepFreedMemory", function);
  return exports;
}
}
