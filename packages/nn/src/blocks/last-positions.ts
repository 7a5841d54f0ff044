import { tf } from '@subtext/tensor';

/**
 * Slices the last `count` positions: `[batch, time, width]` to `[batch, count, width]`. Returns the input itself if it
 * has no more than `count`.
 */
export function lastPositions({ states, count }: { states: tf.Tensor3D; count: number }): tf.Tensor3D {
  const [batch, time, width] = states.shape;
  return time === count ? states : tf.slice(states, [0, time - count, 0], [batch, count, width]);
}

/** Reshapes `[batch, time, width]` to `[batch·time, width]`. */
export function flattened(states: tf.Tensor3D): tf.Tensor2D {
  const [batch, time, width] = states.shape;
  return tf.reshape(states, [batch * time, width]) as tf.Tensor2D;
}
