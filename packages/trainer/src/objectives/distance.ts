import { tf } from '@subtext/tensor';

/** How two numbers are compared: `d²`, `|d|`, or `½ d²` below 1 and `|d| − ½` above. */
export type Distance = 'smooth-l1' | 'l1' | 'mse';

/** The distance of each number. */
export function distances({ difference, distance }: { difference: tf.Tensor; distance: Distance }): tf.Tensor {
  if (distance === 'mse') return tf.square(difference);
  const size = tf.abs(difference);
  if (distance === 'l1') return size;
  const capped = tf.minimum(size, 1);
  return tf.add(tf.mul(0.5, tf.square(capped)), tf.sub(size, capped));
}
