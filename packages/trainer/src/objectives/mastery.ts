import type { WeightedTargets } from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

/** What of a batch tells the share of right ids, and the logits that it is told from: `[rows, outputs]`. */
interface Shown {
  shown: WeightedTargets['shown'];
  logits: tf.Tensor2D;
}

/** This shard's part of the share of right ids among the highest logits. Reads the logits. */
export function mastery({ shown, logits }: Shown): number {
  if (shown.total === 0) return 0;
  const values = logits.dataSync() as Float32Array;
  const outputs = logits.shape[1];
  let sum = 0;
  for (const [index, row] of shown.row.entries()) {
    const taken = shown.taken[index]!;
    const own = values.subarray(row * outputs, (row + 1) * outputs);
    const highest = Float32Array.from(own).sort()[outputs - taken]!;
    const accepted = shown.acceptedIds.subarray(shown.acceptedStarts[index]!, shown.acceptedStarts[index + 1]!);
    sum += accepted.filter((id) => own[id]! >= highest).length / taken;
  }
  return sum / shown.total;
}

/** {@link mastery} without reading anything, for an engine that cannot wait (`webgpu`). */
export function masteryOnEngine({ shown, logits }: Shown): tf.Scalar {
  const count = shown.row.length;
  if (shown.total === 0 || count === 0) return tf.scalar(0);
  return tf.tidy(() => {
    const outputs = logits.shape[1];
    const most = shown.taken.reduce((largest, taken) => Math.max(largest, taken), 1);
    const lowestTaken = new Float32Array(count * most);
    const worth = new Float32Array(count * outputs);
    for (let index = 0; index < count; index++) {
      const taken = shown.taken[index]!;
      lowestTaken[index * most + taken - 1] = 1;
      for (let place = shown.acceptedStarts[index]!; place < shown.acceptedStarts[index + 1]!; place++) {
        worth[index * outputs + shown.acceptedIds[place]!]! += 1 / (taken * shown.total);
      }
    }
    const own = tf.gather(logits, tf.tensor1d(shown.row, 'int32')) as tf.Tensor2D;
    const highest = tf.sum(tf.mul(tf.topk(own, most).values, tf.tensor2d(lowestTaken, [count, most])), 1, true);
    return tf.sum(
      tf.mul(tf.cast(tf.greaterEqual(own, highest), 'float32'), tf.tensor2d(worth, [count, outputs])),
    ) as tf.Scalar;
  });
}
