import type { EngineMemory } from '@subtext/tensor';
import { storedTypes } from '@subtext/native-kernels';
import type { NodeBackend } from '../node-backend';

/** Numbers read at once: 16 MiB of the result, some milliseconds from the system's cache. */
const pieceLength = 2 ** 22;

/** The lower and the upper 32 bits of a whole number. */
const inTwo = (value: number): [number, number] => [value % 2 ** 32, Math.floor(value / 2 ** 32)];

/**
 * Reads weights with `readWeights` of `@subtext/native-kernels`. TensorFlow makes the tensor's memory, which it then fills: TensorFlow
 * would copy memory of JavaScript's that does not begin at a multiple of 64, and free what it shares on any thread.
 */
export function tensorReader(backend: NodeBackend): NonNullable<EngineMemory['read']> {
  const { binding } = backend;
  const runOnIntegers = (operation: string, inputs: readonly number[], values: number[]) => {
    const handle = binding.createTensor([values.length], binding.TF_INT32, Int32Array.from(values));
    try {
      return backend.createOutputTensor(binding.executeOp(operation, [], [...inputs, handle], 1)[0]!);
    } finally {
      binding.deleteTensor(handle);
    }
  };
  return async ({ descriptor, position, dtype, shape }) => {
    const tensor = runOnIntegers('SubtextUninitialised', [], [...shape]);
    try {
      const [handle] = backend.getInputTensorIds([tensor]) as [number];
      for (let from = 0; from < tensor.size; from += pieceLength) {
        if (from > 0) await new Promise(setImmediate);
        const count = Math.min(pieceLength, tensor.size - from);
        const request = [
          descriptor,
          storedTypes[dtype].code,
          count,
          ...inTwo(position + from * storedTypes[dtype].bytes),
          ...inTwo(from),
        ];
        const problem = runOnIntegers('SubtextReadNumbers', [handle], request);
        const failed = problem.dataSync()[0] !== 0;
        problem.dispose();
        if (failed) {
          tensor.dispose();
          return null;
        }
      }
    } catch (error) {
      tensor.dispose();
      throw error;
    }
    return tensor;
  };
}
