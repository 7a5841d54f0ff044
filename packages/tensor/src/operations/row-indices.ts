import { tf } from '../tensorflow';
import { check, checkInt, checkRank } from './check';

/** Row indices, on the host or on the engine. */
export type RowIndices = tf.Tensor1D | Int32Array | readonly number[];

/** Row indices on the host, each checked against `rows`. */
export function hostIndices({
  operation,
  indices,
  rows,
}: {
  operation: string;
  indices: RowIndices;
  rows: number;
}): Int32Array {
  if (indices instanceof tf.Tensor) {
    checkInt(operation, 'indices', indices);
    checkRank(operation, 'indices', indices, 1, '[count]');
  }
  const given: ArrayLike<number> = indices instanceof tf.Tensor ? indices.dataSync() : indices;
  // Checked before conversion to int32, which would turn NaN into 0 and 1.5 into 1.
  for (let position = 0; position < given.length; position++) {
    const index = given[position]!;
    check(
      operation,
      Number.isInteger(index) && index >= 0 && index < rows,
      () => `indices[${position}] is ${index}, but input has rows 0 to ${rows - 1}.`,
    );
  }
  return Int32Array.from(given);
}
