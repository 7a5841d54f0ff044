import { crossEntropy, gatherRows, tf } from '@subtext/tensor';
import type { LanguageModel } from '../language-model';
import { ModelError } from '../model-error';

/** Label of positions without loss, as in transformers. */
const ignoredLabel = -100;

export interface NextTokenLossOptions {
  model: LanguageModel;
  /** Hidden states after the final norm: `[batch, time, width]`. */
  hidden: tf.Tensor3D;
  /**
   * Labels, `batch` rows of `time`, aligned with the input ids: the state at position t − 1 is compared with the label
   * at t. Positions with label −100, and position 0, have no loss.
   */
  labels: readonly (readonly number[] | Int32Array)[];
}

/**
 * Next-token cross-entropy: `Σ −log softmax(logits[t − 1])[label[t]]` over the labelled positions, and their number.
 * Logits are computed only for these positions, usually a fraction of the batch. Differentiable; call it in the same
 * scope as `forward`.
 */
export function nextTokenLoss({ model, hidden, labels }: NextTokenLossOptions): {
  /** Sum of the losses; divide by `count` for the mean. */
  sum: tf.Scalar;
  /** Number of labelled positions. */
  count: number;
} {
  const [batch, time, width] = hidden.shape;
  if (labels.length !== batch || labels.some((row) => row.length !== time)) {
    throw new ModelError({
      code: 'invalid-option',
      message: `Labels must be ${batch} rows of ${time}, as the hidden states are; got ${labels.length} rows of ${labels[0]?.length ?? 0}.`,
    });
  }
  const rows: number[] = [];
  const targets: number[] = [];
  for (const [index, row] of labels.entries()) {
    for (let position = 1; position < time; position++) {
      const label = row[position] as number;
      if (label === ignoredLabel) continue;
      rows.push(index * time + position - 1);
      targets.push(label);
    }
  }
  if (rows.length === 0) return { sum: tf.scalar(0), count: 0 };
  const states = gatherRows({ input: tf.reshape(hidden, [batch * time, width]), indices: Int32Array.from(rows) });
  const losses = crossEntropy({ logits: model.logits(states), labels: tf.tensor1d(Int32Array.from(targets), 'int32') });
  return { sum: tf.sum(losses), count: rows.length };
}
