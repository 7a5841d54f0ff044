import type { SoftTargets } from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import type { ObjectiveDefinition } from './objective';

export interface SoftTargetsOptions {
  /** Of the distance beside other objectives. */
  weight: number;
}

/** What states of a shard are to predict. */
export interface SoftTargetsPart {
  /** Rows of the states `[rows · time]`. */
  rows: Int32Array;
  /** The ids that row r is to predict, with their shares, from `starts[r]` to `starts[r + 1]`. */
  starts: Int32Array;
  ids: Int32Array;
  shares: Float32Array;
  /** 1 / targets of the whole step. */
  targetWeight: number;
}

/**
 * States that must predict shares of ids (CoT2, arXiv 2505.23648): the mean over them of `KL(p ‖ q) = Σ_v p_v (log p_v − log
 * q_v)`, q the probabilities of the next token. What each example is to predict stands in its layout.
 */
export const softTargets: ObjectiveDefinition<SoftTargetsOptions, undefined, SoftTargetsPart> = {
  name: 'soft-targets',
  create: ({ options: { weight } }) => ({
    loss({ forward, part: { rows, starts, ids, shares, targetWeight } }) {
      const logits = forward.logits(gatherRows({ input: forward.states, indices: rows }));
      const outputs = logits.shape[1];
      const targets = new Float32Array(rows.length * outputs);
      let negativeEntropy = 0;
      for (let row = 0; row < rows.length; row++) {
        for (let place = starts[row]!; place < starts[row + 1]!; place++) {
          const share = shares[place]!;
          targets[row * outputs + ids[place]!] = share;
          negativeEntropy += share * Math.log(share);
        }
      }
      const likelihood = tf.sum(tf.mul(tf.logSoftmax(logits), tf.tensor2d(targets, [rows.length, outputs])));
      const softTargetLoss = tf.mul(tf.sub(negativeEntropy, likelihood), targetWeight) as tf.Scalar;
      return { terms: [tf.mul(softTargetLoss, weight)], parts: { softTargetLoss } };
    },
  }),
  parts({ shards, batches }) {
    const targetsOf = shards.map((items) =>
      items.flatMap(({ layout }, row) =>
        ((layout.parts?.[softTargets.name] as SoftTargets | undefined)?.targets ?? []).map((target) => ({
          ...target,
          row,
        })),
      ),
    );
    const count = targetsOf.flat().length;
    return targetsOf.map((targets, shard) => {
      if (targets.length === 0) return undefined;
      const { time } = batches[shard]!;
      const starts = new Int32Array(targets.length + 1);
      for (const [index, target] of targets.entries()) starts[index + 1] = starts[index]! + target.ids.length;
      return {
        rows: Int32Array.from(targets, ({ row, position }) => row * time + position),
        starts,
        ids: Int32Array.from(targets.flatMap(({ ids }) => ids)),
        shares: Float32Array.from(targets.flatMap(({ weights }) => weights)),
        targetWeight: 1 / count,
      };
    });
  },
};
