import { tf } from '@subtext/tensor';

import type { ForwardOptions } from './language-model';

/** The mask of a pass with what its positions may look at in it: `[batch, time, keyTime]` where there is such a table, else the mask as it is. */
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
