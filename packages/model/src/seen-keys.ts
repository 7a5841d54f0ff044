import { tf } from '@subtext/tensor';

import type { ForwardOptions } from './language-model';

/**
 * Combines the attention mask with the visibility mask: `[batch, time, keyTime]` if there is one, otherwise the mask
 * unchanged.
 */
export function seenKeys({
  mask,
  visibility,
}: Required<Pick<ForwardOptions, 'mask' | 'visibility'>>): tf.Tensor | null {
  if (!visibility) return mask ?? null;
  const { keys, complete = false } = visibility;
  if (!mask || complete) return keys;
  const seen = tf.cast(tf.notEqual(mask, tf.zerosLike(mask)), 'int32');
  return tf.mul(keys, mask.rank === 3 ? seen : tf.reshape(seen, [mask.shape[0]!, 1, mask.shape[1]!]));
}
