import { crossEntropy, tf } from '@subtext/tensor';
import { ModelError } from '../model-error';

/** The result of {@link chooseGreedily}, still on the engine so that it can be read together with other tensors. */
export interface GreedyChoices {
  /** int32 `[rows]`: the most likely token of each row. */
  ids: tf.Tensor1D;
  /** `[rows]`: −log of its probability; not finite if a logit of the row is NaN or +∞. */
  surprise: tf.Tensor1D;
}

/** The most likely token of each row of logits `[rows, vocabulary]`, with a value that reveals NaN. */
export function chooseGreedily(logits: tf.Tensor2D): GreedyChoices {
  const ids = tf.argMax(logits, -1) as tf.Tensor1D;
  return { ids, surprise: crossEntropy({ logits, labels: ids }) };
}

/** The error for logits that are not numbers. */
export function notANumber(where = ''): ModelError {
  return new ModelError({
    code: 'not-a-number',
    message: `The logits${where} hold values that are not numbers (NaN or infinite), so no token can be chosen. Are the weights complete and finite?`,
  });
}
