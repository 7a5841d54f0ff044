import { tf } from '@subtext/tensor';
import type { OperationRunner, Settings } from '@subtext/native-kernels';
import type { NodeBackend } from '../node-backend';

/** How many settings are kept ready; a step of training uses a handful, generation one for each position. */
const keptSettings = 256;

/** Settings and what is absent are handles of TensorFlow's tensors here; the runner owns them. */
const asSettings = (handle: number) => handle as unknown as Settings;

/** Runs the kernels as operations that are registered with TensorFlow, through tfjs-node's backend. */
export function createTensorflowRunner(backend: NodeBackend): OperationRunner {
  const { binding } = backend;
  const kept = new Map<string, number>();
  const owned = new WeakSet<object>();
  return {
    run: <T extends tf.Tensor[]>(
      operation: string,
      inputs: readonly (tf.Tensor | Settings)[],
      shapes: readonly (readonly number[])[],
    ) => {
      const handles = inputs.map((input) =>
        typeof input === 'number' ? input : backend.getInputTensorIds([input as tf.Tensor])[0]!,
      );
      return binding
        .executeOp(operation, [], handles, shapes.length)
        .map((output) => backend.createOutputTensor(output)) as T;
    },
    // The same numbers have the same handle.
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
      return asSettings(handle);
    },
    absent: {
      float: asSettings(binding.createTensor([0], binding.TF_FLOAT, new Float32Array(0))),
      integer: asSettings(binding.createTensor([0], binding.TF_INT32, new Int32Array(0))),
    },
    // TensorFlow shares the memory of arrays, and of tensors of another shape.
    own: (variable) => {
      if (owned.has(variable.dataId)) return;
      const copy = tf.add(variable, 0);
      variable.assign(copy);
      copy.dispose();
      owned.add(variable.dataId);
    },
  };
}
