import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { CrossEntropyKernel } from '../kernels/kernels';
import { check, checkFloat, checkInt, checkRank, checkShape } from './check';
import { differentiable } from './differentiable';
import { checkIds } from './host-integers';

export interface CrossEntropyOptions {
  /** `[rows, vocabulary]`, float32. */
  logits: tf.Tensor2D;
  /** int32 `[rows]`, in `0 … vocabulary − 1` or `ignoreIndex`; others throw. */
  labels: tf.Tensor1D;
  /** Rows with this label have zero loss and gradient. An integer exactly representable in float32. @default -100 */
  ignoreIndex?: number;
}

/**
 * Cross-entropy per row: `loss[r] = log Σⱼ exp(logits[r, j]) − logits[r, label[r]]`, 0 if the label is `ignoreIndex`;
 * `[rows, vocabulary]`, `[rows]` → `[rows]`. No one-hot matrix is stored. Labels outside the vocabulary throw on every
 * engine, except labels computed on `webgpu` itself, which cannot be checked in time: there loss and gradient of such a
 * row are NaN.
 *
 * @throws OperationError if shapes or dtypes do not match, or a label is outside the vocabulary
 */
export function crossEntropy({ logits, labels, ignoreIndex = -100 }: CrossEntropyOptions): tf.Tensor1D {
  checkFloat('crossEntropy', 'logits', logits);
  checkRank('crossEntropy', 'logits', logits, 2, '[rows, vocabulary]');
  checkInt('crossEntropy', 'labels', labels);
  checkShape('crossEntropy', 'labels', labels, [logits.shape[0]], `one for each row of logits`);
  check(
    'crossEntropy',
    Number.isInteger(ignoreIndex) && Math.fround(ignoreIndex) === ignoreIndex && (ignoreIndex | 0) === ignoreIndex,
    () => `ignoreIndex must be a whole number that int32 and float32 hold, got ${ignoreIndex}.`,
  );
  const [, vocabulary] = logits.shape;
  if (checkIds({ operation: 'crossEntropy', what: 'The label', ids: labels, count: vocabulary, ignored: ignoreIndex }))
    return lossOf({ logits, labels, ignoreIndex });
  // On the engine: 1 for valid labels, NaN for others; invalid rows are computed with label 0.
  const inside = tf.logicalAnd(
    tf.greaterEqual(labels, tf.scalar(0, 'int32')),
    tf.less(labels, tf.scalar(vocabulary, 'int32')),
  );
  const allowed = tf.logicalOr(inside, tf.equal(labels, tf.scalar(ignoreIndex, 'int32')));
  const safe = tf.where(allowed, labels, tf.zerosLike(labels));
  const factor = tf.where(allowed, tf.ones(labels.shape), tf.fill(labels.shape, NaN));
  return tf.mul(lossOf({ logits, labels: safe, ignoreIndex }), factor) as tf.Tensor1D;
}

/** {@link crossEntropy} of labels known to be in the vocabulary. */
function lossOf({ logits, labels, ignoreIndex }: Required<CrossEntropyOptions>): tf.Tensor1D {
  const kernel = fusedKernels().crossEntropy ?? composed;
  return differentiable<tf.Tensor1D>({
    inputs: { logits },
    forward: (save) => {
      const { losses, kept } = kernel.forward({ logits, labels, ignoreIndex });
      save(kept);
      return losses;
    },
    gradients: (gradient, kept) => ({ logits: () => kernel.backward({ gradient, kept, ignoreIndex }) }),
  });
}

const composed: CrossEntropyKernel = { forward: composedForward, backward: composedBackward };

function composedForward({
  logits,
  labels,
  ignoreIndex,
}: Parameters<CrossEntropyKernel['forward']>[0]): ReturnType<CrossEntropyKernel['forward']> {
  const [rows, vocabulary] = logits.shape;
  const counted = tf.notEqual(labels, tf.scalar(ignoreIndex, 'int32'));
  const logSumExp = tf.logSumExp(logits, 1) as tf.Tensor1D;
  const safe = tf.mul(labels, tf.cast(counted, 'int32'));
  const flat = tf.add(tf.mul(tf.range(0, rows, 1, 'int32'), tf.scalar(vocabulary, 'int32')), safe) as tf.Tensor1D;
  const picked = tf.gather(tf.reshape(logits, [-1]) as tf.Tensor1D, tf.cast(flat, 'int32'));
  const losses = tf.mul(tf.sub(logSumExp, picked), tf.cast(counted, 'float32')) as tf.Tensor1D;
  return { losses, kept: [logits, labels, logSumExp] };
}

function composedBackward({ gradient, kept, ignoreIndex }: Parameters<CrossEntropyKernel['backward']>[0]): tf.Tensor2D {
  const [logits, labels, logSumExp] = kept as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
  return tf.tidy(() => {
    const [rows, vocabulary] = logits.shape;
    const counted = tf.cast(tf.notEqual(labels, tf.scalar(ignoreIndex, 'int32')), 'float32');
    const weight = tf.reshape(tf.mul(gradient, counted), [rows, 1]);
    const probabilities = tf.exp(tf.sub(logits, tf.reshape(logSumExp, [rows, 1])));
    const safe = tf.mul(labels, tf.cast(counted, 'int32')) as tf.Tensor1D;
    // Cast, because the wasm backend's oneHot writes integer bits whatever the requested dtype (4.22).
    const target = tf.cast(tf.oneHot(safe, vocabulary), 'float32');
    return tf.mul(tf.sub(probabilities, target), weight) as tf.Tensor2D;
  });
}
