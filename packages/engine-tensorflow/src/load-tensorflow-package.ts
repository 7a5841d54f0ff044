import type { TensorflowInUse } from '@subtext/tensor/engine';

/** Result of {@link loadTensorflowPackage}. */
export interface LoadedTensorflow {
  /** TensorFlow's own version, for example `2.21.0`. */
  version: string;
  gpu: boolean;
}

/**
 * Loads a `tfjs-node` package onto the TensorFlow.js that is already in use, and names what it found. It must not refer
 * to anything outside itself: the installer also runs its text in a process of its own, where a broken library can do no harm.
 *
 * @param requireOnTensorflow the function of that name
 * @param require a `require` for absolute paths
 * @param packageFolder the folder of `@tensorflow/tfjs-node` or `-gpu`
 * @param inUse the TensorFlow.js in use
 */
export function loadTensorflowPackage(
  requireOnTensorflow: (require: NodeJS.Require, target: string, inUse: TensorflowInUse) => unknown,
  require: NodeJS.Require,
  packageFolder: string,
  inUse: TensorflowInUse,
): LoadedTensorflow {
  // tfjs-node calls both; Node 22 warns of them, and Node 23 took the first away.
  const util = require('node:util') as {
    isNullOrUndefined: (value: unknown) => boolean;
    isArray: (value: unknown) => boolean;
  };
  util.isNullOrUndefined = (value) => value === null || value === undefined;
  util.isArray = (value) => Array.isArray(value);
  // libtensorflow greets on stderr unless told not to.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // Where the installer compiled the binding, it also compiled a gate: libtensorflow writes two lines to stderr while
  // it is mapped, before any setting is read.
  const fs = require('node:fs') as { existsSync: (path: string) => boolean };
  const gateFile = packageFolder + '/lib/stderr_gate.node';
  const gate = fs.existsSync(gateFile) ? (require(gateFile) as { close: () => void; open: () => void }) : null;
  gate?.close();
  try {
    requireOnTensorflow(require, packageFolder, inUse);
  } finally {
    gate?.open();
  }
  const tf = require(inUse.core) as {
    findBackend: (name: string) => { binding: { TF_Version: string }; isUsingGpuDevice: boolean };
  };
  const backend = tf.findBackend('tensorflow');
  return { version: backend.binding.TF_Version, gpu: backend.isUsingGpuDevice };
}
