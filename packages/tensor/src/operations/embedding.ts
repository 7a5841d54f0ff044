import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { EmbeddingKernel } from '../kernels/kernels';
import { checkFloat, checkInt, checkRank, checkTrains } from './check';
import { differentiable } from './differentiable';
import { checkIds } from './host-integers';
import { inShape, kernelRows } from './kernel-rows';

export interface EmbeddingOptions {
  /** `[vocabulary, width]`, float32. */
  table: tf.Tensor2D;
  /** int32, any shape, values in `0 … vocabulary − 1`; others throw. */
  ids: tf.Tensor;
}

/**
 * Looks up rows of `table`: ids `[...]` → `[..., width]`. The gradient of a row is the sum over the positions that looked
 * it up, in order. Ids outside the table throw on every engine, except ids computed on `webgpu` itself, which cannot be
 * checked in time: there the row of such an id is NaN.
 *
 * @throws OperationError if `table` is not a float32 matrix, `ids` are not int32, or an id is outside the table
 */
export function embedding<T extends tf.Tensor = tf.Tensor>({ table, ids }: EmbeddingOptions): T {
  checkFloat('embedding', 'table', table);
  checkRank('embedding', 'table', table, 2, '[vocabulary, width]');
  checkInt('embedding', 'ids', ids);
  return lookUpRows({ operation: 'embedding', table, ids }) as T;
}

/** The lookup behind {@link embedding} and `gatherRows`; shapes and types are already checked, ids are not. */
export function lookUpRows({
  operation,
  table,
  ids,
}: {
  operation: string;
  table: tf.Tensor2D;
  ids: tf.Tensor;
}): tf.Tensor {
  const [vocabulary] = table.shape;
  if (!checkIds({ operation, what: 'The id', ids, count: vocabulary })) {
    const inside = tf.logicalAnd(
      tf.greaterEqual(ids, tf.scalar(0, 'int32')),
      tf.less(ids, tf.scalar(vocabulary, 'int32')),
    );
    const rows = pickRows(table, tf.where(inside, ids, tf.zerosLike(ids)));
    return tf.where(tf.broadcastTo(tf.expandDims(inside, -1), rows.shape), rows, tf.fill(rows.shape, NaN));
  }
  return pickRows(table, ids);
}

function pickRows(table: tf.Tensor2D, ids: tf.Tensor): tf.Tensor {
  const [vocabulary, width] = table.shape;
  const shape = [...ids.shape, width];
  const own = fusedKernels().embedding;
  const kernel = own ?? composedEmbedding;
  return differentiable<tf.Tensor>({
    inputs: { table },
    forward: (save) => {
      // Ids are flattened, unless the kernel accepts any rank.
      const list = (own && fusedKernels().takesAnyRank ? ids : inShape(ids, [ids.size])) as tf.Tensor1D;
      save([list]);
      return inShape(kernel.forward({ table, ids: list }), shape);
    },
    gradients: (gradient, [list]) => ({
      table: () => {
        checkTrains('embedding', table);
        return kernel.backward({ gradient: kernelRows(gradient, own), ids: list as tf.Tensor1D, vocabulary });
      },
    }),
  });
}

/** Composed of TensorFlow.js operations. */
export const composedEmbedding: EmbeddingKernel = {
  forward: ({ table, ids }) => tf.gather(table, ids),
  // scatterND adds updates of the same row; unlike unsortedSegmentSum, every engine has it.
  backward: ({ gradient, ids, vocabulary }) =>
    tf.scatterND(tf.reshape(ids, [-1, 1]), gradient, [vocabulary, gradient.shape[1]]) as tf.Tensor2D,
};
