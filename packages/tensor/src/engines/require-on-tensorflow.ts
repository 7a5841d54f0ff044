/**
 * `require`s a CommonJS module so that all it asks of TensorFlow.js is the copy already in use: another copy's tensors
 * and kernels would be strangers to ours. Self-contained, because the installer also runs its text elsewhere.
 *
 * @param require a `require` for absolute paths
 * @param target the absolute path of the module or package
 * @param tfjsFile the main file of the `@tensorflow/tfjs` in use
 */
export function requireOnTensorflow(require: NodeJS.Require, target: string, tfjsFile: string): unknown {
  const Module = require('node:module') as { createRequire: (path: string) => NodeJS.Require; _resolveFilename: (request: string, ...rest: unknown[]) => string };
  const tfjsRequire = Module.createRequire(tfjsFile);
  const resolve = Module._resolveFilename;
  let redirecting = false;
  Module._resolveFilename = function (this: unknown, request: string, ...rest: unknown[]): string {
    if (!redirecting && /^@tensorflow\/tfjs($|-(core|layers|converter|data|backend-cpu)($|\/))/.test(request)) {
      redirecting = true;
      try {
        return request === '@tensorflow/tfjs' ? tfjsFile : tfjsRequire.resolve(request);
      } finally {
        redirecting = false;
      }
    }
    return resolve.call(this, request, ...rest);
  };
  try {
    return require(target);
  } finally {
    Module._resolveFilename = resolve;
  }
}
