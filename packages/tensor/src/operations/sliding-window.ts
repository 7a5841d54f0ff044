import { tf } from '../tensorflow';
import { check } from './check';

/** Throws unless `window` is a positive count and the attention is causal: the window ends at the query's own key. */
export function checkWindow({
  operation,
  window,
  causal,
}: {
  operation: string;
  window: number | null;
  causal: boolean;
}): void {
  check(operation, window === null || (causal && Number.isInteger(window) && window > 0), () =>
    causal
      ? `window must be a positive whole number, got ${window}.`
      : 'window reaches back from the query; it needs causal: true.',
  );
}

/**
 * Merges a sliding window into the mask, int32: query i (at key `keyTime − queryTime + i`) sees only the last `window`
 * keys up to its own. Kernels with per-query masks then need no window support. A window that covers all keys leaves the
 * mask unchanged.
 */
export function windowedMask({
  mask,
  window,
  batch,
  queryTime,
  keyTime,
}: {
  /** int32 or bool, `[batch, keyTime]` or `[batch, queryTime, keyTime]` */
  mask: tf.Tensor | null;
  window: number | null;
  batch: number;
  queryTime: number;
  keyTime: number;
}): tf.Tensor | null {
  if (window === null || window >= keyTime || queryTime === 0)
    return mask === null || mask.dtype === 'int32' ? mask : tf.cast(mask, 'int32');
  return tf.tidy(() => {
    const first = tf.reshape(
      tf.add(tf.range(0, queryTime, 1, 'int32'), tf.scalar(keyTime - queryTime - window + 1, 'int32')),
      [queryTime, 1],
    );
    const keys = tf.reshape(tf.range(0, keyTime, 1, 'int32'), [1, keyTime]);
    const inside = tf.reshape(tf.cast(tf.lessEqual(first, keys), 'int32'), [1, queryTime, keyTime]);
    if (mask === null) return batch === 1 ? inside : tf.tile(inside, [batch, 1, 1]);
    const visible = tf.cast(tf.notEqual(mask, tf.zerosLike(mask)), 'int32');
    return tf.mul(inside, mask.rank === 3 ? visible : tf.reshape(visible, [batch, 1, keyTime]));
  });
}
