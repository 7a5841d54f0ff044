import { tf } from '../tensorflow';
import { checkFloat, checkInt, checkRank } from './check';
import { lookUpRows } from './embedding';
import { hostIndices, type RowIndices } from './row-indices';

export interface GatherRowsOptions {
  /** `[rows, width]`, float32. */
  input: tf.Tensor2D;
  /** `[count]`: rows in any order, repeats allowed. Out-of-range indices throw, as in `embedding`. */
  indices: RowIndices;
}

/**
 * `output[i] = input[indices[i]]`: `[rows, width]` → `[count, width]`. The gradient of a row is the sum over its copies.
 *
 * @throws OperationError if shapes do not match or an index is out of range
 */
export function gatherRows({ input, indices }: GatherRowsOptions): tf.Tensor2D {
  checkFloat('gatherRows', 'input', input);
  checkRank('gatherRows', 'input', input, 2, '[rows, width]');
  if (indices instanceof tf.Tensor) {
    checkInt('gatherRows', 'indices', indices);
    checkRank('gatherRows', 'indices', indices, 1, '[count]');
    return lookUpRows({ operation: 'gatherRows', table: input, ids: indices }) as tf.Tensor2D;
  }
  const ids = tf.tensor1d(hostIndices({ operation: 'gatherRows', indices, rows: input.shape[0] }), 'int32');
  const output = lookUpRows({ operation: 'gatherRows', table: input, ids }) as tf.Tensor2D;
  ids.dispose();
  return output;
}
