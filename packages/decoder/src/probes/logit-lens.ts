import { tf } from '@subtext/tensor';

import { DecoderError } from '../errors';

/** A token predicted from a hidden state. */
export interface LensToken {
  id: number;
  probability: number;
}

/** The logit lens of one layer at one position. */
export interface LensReading {
  /** Most probable first. */
  tokens: LensToken[];
  /** Of the whole distribution, in nats. */
  entropy: number;
  /** The target token, if given, with its probability and rank (number of more probable tokens). */
  target: (LensToken & { rank: number }) | null;
}

/**
 * The logit lens (nostalgebraist, 2020): applies the final norm and the output layer to every layer's hidden state, as
 * if it were the last.
 *
 * @returns `[layer][position]`.
 * @throws DecoderError length-mismatch if the numbers of targets and positions differ.
 */
export async function logitLens({
  hiddenStates,
  normalize,
  head,
  top = 5,
  targets,
}: {
  /**
   * By layer: `[positions, width]`, such as the states at the thoughts. The last layer's must already include the final
   * norm, as in transformers. Not disposed.
   */
  hiddenStates: readonly tf.Tensor2D[];
  /** The model's final norm; the shape `[positions, width]` is unchanged. */
  normalize: (states: tf.Tensor2D) => tf.Tensor2D;
  /** Normalised states to logits `[positions, vocabulary]`. */
  head: (states: tf.Tensor2D) => tf.Tensor2D;
  /** Number of tokens per position. @default 5 */
  top?: number;
  /** By position: the token to rank; −1 for none. @default none */
  targets?: readonly number[];
}): Promise<LensReading[][]> {
  const readings: LensReading[][] = [];
  for (const [layer, states] of hiddenStates.entries()) {
    const [positions] = states.shape;
    if (targets !== undefined && targets.length !== positions) {
      throw new DecoderError({
        code: 'length-mismatch',
        message: `The logit lens got ${positions} positions in layer ${layer} but ${targets.length} targets; pass one per position, −1 for none.`,
      });
    }
    const logits = tf.tidy(() => head(layer === hiddenStates.length - 1 ? states : normalize(states)));
    const values = await logits.data();
    const vocabulary = logits.shape[1];
    logits.dispose();
    readings.push(
      Array.from({ length: positions }, (_, position) =>
        readDistribution({
          logits: values.subarray(position * vocabulary, (position + 1) * vocabulary) as Float32Array,
          top,
          target: targets?.[position] ?? -1,
        }),
      ),
    );
  }
  return readings;
}

function readDistribution({ logits, top, target }: { logits: Float32Array; top: number; target: number }): LensReading {
  const largest = logits.reduce((best, value) => Math.max(best, value), -Infinity);
  const weights = Float64Array.from(logits, (value) => Math.exp(value - largest));
  const total = weights.reduce((sum, value) => sum + value, 0);
  let entropy = 0;
  for (const weight of weights) if (weight > 0) entropy -= (weight / total) * Math.log(weight / total);
  const best: LensToken[] = [];
  for (let id = 0; id < weights.length; id++) {
    const probability = (weights[id] as number) / total;
    if (best.length === top && probability <= (best.at(-1) as LensToken).probability) continue;
    const place = best.findIndex((other) => other.probability < probability);
    best.splice(place < 0 ? best.length : place, 0, { id, probability });
    if (best.length > top) best.pop();
  }
  if (target < 0 || target >= weights.length) return { tokens: best, entropy, target: null };
  const weight = weights[target] as number;
  const rank = weights.reduce((count, other) => count + (other > weight ? 1 : 0), 0);
  return { tokens: best, entropy, target: { id: target, probability: weight / total, rank } };
}
