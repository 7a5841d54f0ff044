import { crossEntropy, tf } from '@subtext/tensor';
import { ModelError } from '../model-error';

/** What {@link chooseGreedily} leaves on the engine, to be read with whatever else is read. */
export interface GreedyChoices {
  /** int32 `[rows]`: the likeliest token of each. */
  ids: tf.Tensor1D;
  /** `[rows]`: −log of its probability; not finite where a logit of the row is NaN or +∞. */
  surprise: tf.Tensor1D;
}

/** The likeliest token of each row of logits `[rows, vocabulary]`, and what tells whether they were numbers. */
export function chooseGreedily(logits: tf.Tensor2D): GreedyChoices {
  const ids = tf.argMax(logits, -1) as tf.Tensor1D;
  return { ids, surprise: crossEntropy({ logits, labels: ids }) };
}

/** The error of logits from which no token can be taken. */
export function notANumber(where = ''): ModelError {
  return new ModelError({
    code: 'not-a-number',
    message: `The logits${where} hold values that are not numbers (NaN or infinite), so no token can be drawn. Are the weights whole, and do they hold finite numbers?`,
  });
}
