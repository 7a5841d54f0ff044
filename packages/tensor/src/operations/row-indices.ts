import { tf } from '../tensorflow';
import { check, checkRank } from './check';

/** Row numbers, from the host or on the engine. */
export type RowIndices = tf.Tensor1D | Int32Array | readonly number[];

/** Row numbers on the host, each checked against `rows`. */
export function hostIndices({ operation, indices, rows }: { operation: string; indices: RowIndices; rows: number }): Int32Array {
  if (indices instanceof tf.Tensor) {
    checkRank(operation, 'indices', indices, 1, '[count]');
  }
  const values = indices instanceof tf.Tensor ? Int32Array.from(indices.dataSync()) : Int32Array.from(indices);
  values.forEach((index, position) => {
    check(operation, index >= 0 && index < rows, () => `indices[${position}] is ${index}, but input has rows 0 to ${rows - 1}.`);
  });
  return values;
}
