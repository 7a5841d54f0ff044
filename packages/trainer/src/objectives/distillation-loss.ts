import { stopGradient } from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import { distances } from './distance';
import type { DistillationOptions, DistillationPart } from './distillation';

/**
 * CODI's comparison of two readings (arXiv 2502.21074): over the layers l = 1 … L and the examples,
 * `1/L Σ_l mean |t_l − s_l| / σ(t_l)`, with t the teacher's states, through which no gradient passes, and σ their standard
 * deviation over the examples of this shard; `smooth-l1` squares differences below 1 (`½ d²`, else `|d| − ½`).
 */
export function distillationLoss({
  own,
  teacher,
  batch: { ownRows, teacherRows, distance, exampleWeight },
}: {
  /** The taught reading's states of every layer, `[rows · time, width]` each; the first is what enters the model. */
  own: readonly tf.Tensor2D[];
  /** The teacher's. */
  teacher: readonly tf.Tensor2D[];
  batch: Omit<DistillationPart, 'teacher' | 'keysAndValues'> & Pick<DistillationOptions, 'distance'>;
}): tf.Scalar {
  const losses = own.slice(1).map((states, index) => {
    const target = stopGradient({ input: gatherRows({ input: teacher[index + 1]!, indices: teacherRows }) });
    const difference = tf.sub(gatherRows({ input: states, indices: ownRows }), target);
    const deviation = tf.sqrt(tf.moments(target).variance);
    const values = distances({ difference, distance });
    // A mean over the width; over the examples of the whole batch by their weight.
    return tf.div(tf.sum(values), tf.add(deviation, 1e-6));
  });
  const width = own[0]!.shape[1];
  return tf.mul(tf.addN(losses), exampleWeight / (width * losses.length)) as tf.Scalar;
}
