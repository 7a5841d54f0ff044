import type { WeightedTargets } from '@subtext/reasoner';
import { engineCapabilities, gatherRows, tf } from '@subtext/tensor';

import { mastery, masteryOnEngine } from './mastery';
import type { ObjectiveDefinition } from './objective';

/**
 * States that must predict any of several ids: `Σ_r w_r · Σ_v −p_rv · log softmax(z_r)_v`, with p the same for each id that
 * is right. Metric `mastery`: of the states that show what the phase teaches, the share of right ids among as many highest
 * logits as there are right ids. Sources put these targets into their shards.
 */
export const weightedTargets: ObjectiveDefinition<undefined, undefined, WeightedTargets> = {
  name: 'weighted-targets',

  create: () => ({
    loss({ forward, part }) {
      const logits = forward.logits(gatherRows({ input: forward.states, indices: part.rows }));
      const losses = tf.mul(tf.logSoftmax(logits), targetsOf({ part, outputs: logits.shape[1] }));
      return {
        terms: [tf.neg(tf.sum(losses)) as tf.Scalar],
        metrics: {
          mastery: engineCapabilities().synchronousReads
            ? tf.scalar(mastery({ shown: part.shown, logits }))
            : masteryOnEngine({ shown: part.shown, logits }),
        },
      };
    },
  }),
};

/** `w_r · p_rv`: `[rows, outputs]`. */
function targetsOf({
  part: { rows, weights, labelIds, labelStarts },
  outputs,
}: {
  part: WeightedTargets;
  outputs: number;
}): tf.Tensor2D {
  const targets = new Float32Array(rows.length * outputs);
  for (let row = 0; row < rows.length; row++) {
    const [from, to] = [labelStarts[row]!, labelStarts[row + 1]!];
    for (let place = from; place < to; place++) targets[row * outputs + labelIds[place]!] = weights[row]! / (to - from);
  }
  return tf.tensor2d(targets, [rows.length, outputs]);
}
