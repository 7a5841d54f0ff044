import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

/** Cross-entropy of picked rows of hidden states, one for each: logits are made for these rows only. `[picked rows]` */
export function pickedLosses({
  model,
  states,
  lossRows,
  lossLabels,
}: {
  model: { logits(states: tf.Tensor2D): tf.Tensor2D };
  /** `[rows, width]`, after the final norm. */ states: tf.Tensor2D;
  lossRows: Int32Array;
  lossLabels: Int32Array;
}): tf.Tensor1D {
  const logits = model.logits(gatherRows({ input: states, indices: lossRows }));
  return crossEntropy({ logits, labels: tf.tensor1d(lossLabels, 'int32') });
}

/** Σ weight · cross-entropy over picked rows of hidden states: logits are made for these rows only. */
export function pickedLoss({
  lossWeight,
  ...picked
}: Parameters<typeof pickedLosses>[0] & { lossWeight: number }): tf.Scalar {
  if (picked.lossRows.length === 0) return tf.scalar(0);
  return tf.mul(tf.sum(pickedLosses(picked)), lossWeight) as tf.Scalar;
}
