/**
 * C source of a small Node-API module that closes stderr for a moment: TensorFlow writes two lines there while the
 * dynamic linker maps it, before it reads any setting.
 */
export const stderrGateSource = `#include <fcntl.h>
#include <unistd.h>
#include <node_api.h>

static int saved = -1;

static napi_value close_gate(napi_env env, napi_callback_info info) {
  int nowhere = open("/dev/null", O_WRONLY);
  if (nowhere >= 0 && saved < 0 && (saved = dup(2)) >= 0) dup2(nowhere, 2);
  if (nowhere >= 0) close(nowhere);
  return NULL;
}

static napi_value open_gate(napi_env env, napi_callback_info info) {
  if (saved >= 0) {
    dup2(saved, 2);
    close(saved);
    saved = -1;
  }
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "close", NAPI_AUTO_LENGTH, close_gate, NULL, &function);
  napi_set_named_property(env, exports, "close", function);
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, open_gate, NULL, &function);
  napi_set_named_property(env, exports, "open", function);
  return exports;
}
`;
