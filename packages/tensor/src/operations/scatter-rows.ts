import { tf } from '../tensorflow';
import { check, checkFloat, checkRank, checkShape } from './check';
import { fusedKernels } from '../kernels/registry';
import { differentiable } from './differentiable';
import { composedEmbedding } from './embedding';
import { hostIndices, type RowIndices } from './row-indices';

export interface ScatterRowsOptions {
  /** `[rows, width]`, float32. Not changed. */
  input: tf.Tensor2D;
  /** `[count]`: the rows to replace, each at most once. Prefer host arrays: indices on the engine have to be read back. */
  indices: RowIndices;
  /** `[count, width]`: the new rows. */
  updates: tf.Tensor2D;
}

/**
 * A copy of `input` whose row `indices[i]` is `updates[i]`: `[rows, width]` → `[rows, width]`. Gradients flow to `updates`
 * for those rows and to `input` for the others. Used to insert thoughts among token embeddings.
 *
 * @throws OperationError if shapes do not match, an index is out of range or one occurs twice
 */
export function scatterRows({ input, indices, updates }: ScatterRowsOptions): tf.Tensor2D {
  const operation = 'scatterRows';
  checkFloat(operation, 'input', input);
  checkRank(operation, 'input', input, 2, '[rows, width]');
  const [rows, width] = input.shape;
  const targets = hostIndices({ operation, indices, rows });
  checkFloat(operation, 'updates', updates);
  checkShape(operation, 'updates', updates, [targets.length, width], 'a row for each index, as wide as input');
  // Row r of the output is row source[r] of input and updates concatenated: a single gather on any engine.
  const source = Int32Array.from({ length: rows }, (_, row) => row);
  targets.forEach((target, position) => {
    check(operation, source[target] === target, () => `row ${target} occurs twice in indices (again at ${position}).`);
    source[target] = rows + position;
  });
  return differentiable<tf.Tensor2D>({
    inputs: { input, updates },
    forward: () =>
      (targets.length === 0 ? tf.clone(input) : pickRows(tf.concat([input, updates], 0), source)) as tf.Tensor2D,
    gradients: (gradient) => ({
      input: () => {
        const kept = source.map((from, row) => (from === row ? row : rows));
        return pickRows(tf.concat([gradient as tf.Tensor2D, tf.zeros([1, width])], 0), kept);
      },
      updates: () => (targets.length === 0 ? tf.zeros([0, width]) : pickRows(gradient as tf.Tensor2D, targets)),
    }),
  });
}

/** Gathers rows of a table with the engine's embedding kernel if it has one, which on wasm is many times faster than `gather`. */
function pickRows(table: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  const ids = tf.tensor1d(rows, 'int32');
  return (fusedKernels().embedding ?? composedEmbedding).forward({ table, ids });
}
