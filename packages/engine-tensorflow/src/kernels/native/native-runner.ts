import type { tf } from '@subtext/tensor';
import type { NodeBackend } from '../node-backend';

/** How many settings are kept ready; a step of training uses a handful, generation one for each position. */
const keptSettings = 256;

/** Runs operations of `native/operations.cc` through tfjs-node's backend. */
export interface NativeRunner {
  /** `inputs` in the operation's order, then its settings; gives its outputs. */
  run<T extends tf.Tensor[]>(operation: string, inputs: readonly (tf.Tensor | number)[], outputs: T['length']): T;
  /** A handle of a float32 vector; the same numbers have the same handle. Owned by the runner: use it at once. */
  settings(...values: number[]): number;
  /** Handles of tensors without elements, which stand for what is absent. */
  absent: { float: number; integer: number };
}

export function createNativeRunner(backend: NodeBackend): NativeRunner {
  const { binding } = backend;
  const kept = new Map<string, number>();
  return {
    run: <T extends tf.Tensor[]>(operation: string, inputs: readonly (tf.Tensor | number)[], outputs: T['length']) => {
      const handles = inputs.map((input) =>
        typeof input === 'number' ? input : backend.getInputTensorIds([input])[0]!,
      );
      return backend.binding
        .executeOp(operation, [], handles, outputs)
        .map((output) => backend.createOutputTensor(output)) as T;
    },
    settings: (...values) => {
      const key = values.join(' ');
      let handle = kept.get(key);
      if (handle === undefined) {
        if (kept.size >= keptSettings) {
          const [oldest, old] = kept.entries().next().value as [string, number];
          kept.delete(oldest);
          binding.deleteTensor(old);
        }
        handle = binding.createTensor([values.length], binding.TF_FLOAT, Float32Array.from(values));
        kept.set(key, handle);
      }
      return handle;
    },
    absent: {
      float: binding.createTensor([0], binding.TF_FLOAT, new Float32Array(0)),
      integer: binding.createTensor([0], binding.TF_INT32, new Int32Array(0)),
    },
  };
}
