import { tf } from '@subtext/tensor';

/** The last positions: `[batch, time, width]` to `[batch, count, width]`; the input itself where it has no more. */
export function lastPositions({ states, count }: { states: tf.Tensor3D; count: number }): tf.Tensor3D {
  const [batch, time, width] = states.shape;
  return time === count ? states : tf.slice(states, [0, time - count, 0], [batch, count, width]);
}

/** All positions of a batch under one another: `[batch, time, width]` to `[batch·time, width]`. */
export function flattened(states: tf.Tensor3D): tf.Tensor2D {
  const [batch, time, width] = states.shape;
  return tf.reshape(states, [batch * time, width]) as tf.Tensor2D;
}
