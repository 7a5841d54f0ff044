import { engineCapabilities, tf } from '@subtext/tensor';
import { ModelError } from './model-error';

/** Positions of the inputs of a pass. */
export interface Place {
  /** int32 `[batch, time]`, or null if every row's positions are `offset … offset + time − 1`. */
  positions: tf.Tensor2D | null;
  offset: number;
  /** Upper bound of the positions. */
  largest: number;
}

/**
 * Resolves the positions of a pass: those given; with a `[batch, keyTime]` mask, the number of visible keys up to each
 * one minus one, so that left padding does not count; otherwise counted from `offset`, the cache's length.
 */
export function resolvePositions({
  time,
  offset,
  mask,
  positions,
  largestPosition,
  outputPositions = time,
}: {
  time: number;
  offset: number;
  mask: tf.Tensor | null;
  positions: tf.Tensor2D | null;
  largestPosition?: number;
  /** Also validated here. Default all. */
  outputPositions?: number;
}): Place {
  if (!Number.isInteger(outputPositions) || outputPositions < 1 || outputPositions > time) {
    throw new ModelError({
      code: 'invalid-option',
      message: `outputPositions must be a whole number from 1 to the ${time} positions of the pass, got ${outputPositions}.`,
    });
  }
  const keyTime = offset + time;
  if (mask !== null && mask.shape[mask.rank - 1] !== keyTime) {
    throw new ModelError({
      code: 'invalid-option',
      message: `The mask has ${mask.shape[mask.rank - 1]} keys where there are ${keyTime}: ${offset} in the cache and ${time} new ones.`,
    });
  }
  // Reading back is cheap on engines that support synchronous reads.
  const largestOf = (counted: tf.Tensor2D) =>
    engineCapabilities().synchronousReads ? (tf.tidy(() => counted.max().dataSync()[0]) as number) : keyTime - 1;
  if (positions !== null) return { positions, offset, largest: largestPosition ?? largestOf(positions) };
  if (mask !== null && mask.rank === 2) {
    const counted = tf.tidy(() =>
      tf
        .maximum(tf.sub(tf.cumsum(tf.cast(mask, 'int32'), 1), tf.scalar(1, 'int32')), tf.scalar(0, 'int32'))
        .slice([0, offset], [-1, time]),
    );
    return { positions: counted as tf.Tensor2D, offset, largest: largestOf(counted as tf.Tensor2D) };
  }
  return { positions: null, offset, largest: keyTime - 1 };
}
