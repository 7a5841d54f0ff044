import { type ReasonerBatch, type RightAnswer, stopGradient } from '@subtext/reasoner';
import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

import type { Forward, ObjectiveDefinition, ObjectiveLoss } from './objective';

export interface RecurrenceOptions {
  /** Which of the recurrences through which gradients go learn the answer. */
  supervision: 'every' | 'last';
  /** Of learning whether the answer is right; 0: not learned. */
  haltingWeight: number;
}

/** Where a shard's states tell whether their answers are right. */
export interface RecurrencePart {
  /** Ids of the tokens whose logits tell: think on, or stop, for the answer is right. */
  more: number;
  stop: number;
  /** By example, the row of the states `[rows · time]` that tells. */
  stateRows: Int32Array;
  /** 1 / examples of the whole step. */
  exampleWeight: number;
}

/**
 * Recurrent depth with deep supervision (TRM, arXiv 2510.04871): the mean, over the recurrences through which gradients go,
 * of the answer's cross-entropy and, weighted, of that with which each tells whether all of its answer is right.
 */
export const recurrence: ObjectiveDefinition<RecurrenceOptions, undefined, RecurrencePart, ReasonerBatch> = {
  name: 'recurrence',
  create: ({ options: { supervision, haltingWeight } }) => ({
    loss({ forward, part }): ObjectiveLoss {
      const all = forward.recurrences ?? [forward.states];
      const supervised = supervision === 'every' ? all : all.slice(-1);
      const found = supervised.map((states) => lossesOf({ forward, states, part }));
      const mean = (terms: tf.Scalar[]) =>
        tf.mul(terms.length === 1 ? terms[0]! : tf.addN(terms), 1 / terms.length) as tf.Scalar;
      const answerLoss = mean(found.map(({ answer }) => answer));
      const { rightShare } = found.at(-1)!;
      if (haltingWeight === 0) return { terms: [answerLoss], parts: { answerLoss }, metrics: { rightShare } };
      const haltingLoss = mean(found.map(({ halting }) => halting));
      return {
        terms: [answerLoss, tf.mul(haltingLoss, haltingWeight)],
        parts: { answerLoss, haltingLoss },
        metrics: { answerLoss, haltingLoss, rightShare },
      };
    },
  }),

  parts({ shards, batches }) {
    const examples = shards.reduce((sum, items) => sum + items.length, 0);
    return shards.map((items, shard): RecurrencePart | undefined => {
      const parts = items.map(({ layout }) => layout.parts?.recurrence as RightAnswer | undefined);
      const first = parts[0];
      if (!first) return undefined;
      const { time } = batches[shard]!;
      return {
        more: first.more,
        stop: first.stop,
        stateRows: Int32Array.from(parts, (own, row) => row * time + own!.position),
        exampleWeight: 1 / Math.max(1, examples),
      };
    });
  },
};

/** What one recurrence's states cost, each term its share of the whole step's mean. */
function lossesOf({
  forward,
  states,
  part: { more, stop, stateRows, exampleWeight },
}: {
  forward: Forward<ReasonerBatch>;
  states: tf.Tensor2D;
  part: RecurrencePart;
}): { answer: tf.Scalar; halting: tf.Scalar; rightShare: tf.Scalar } {
  const { lossRows, lossLabels, lossWeight, time } = forward.inputs;
  const logits = forward.logits(gatherRows({ input: states, indices: lossRows }));
  const labels = tf.tensor1d(lossLabels, 'int32');
  const answer = tf.mul(tf.sum(crossEntropy({ logits, labels })), lossWeight) as tf.Scalar;
  // By example 1 where every token of its answer is right; no gradient goes through it.
  const examples = stateRows.length;
  const right = stopGradient({
    input: logits,
    compute: (known) => {
      const wrong = tf.cast(tf.notEqual(tf.argMax(known, 1), labels), 'float32');
      const owners = new Float32Array(lossRows.length * examples);
      for (const [place, row] of lossRows.entries()) owners[place * examples + Math.floor(row / time)] = 1;
      const faults = tf.matMul(
        tf.reshape(wrong, [1, -1]) as tf.Tensor2D,
        tf.tensor2d(owners, [lossRows.length, examples]),
      );
      return tf.reshape(tf.cast(tf.less(faults, 0.5), 'float32'), [examples, 1]);
    },
  });
  const tells = forward.logits(gatherRows({ input: states, indices: stateRows }));
  const [open, close] = [more, stop].map((id) => tf.slice(tells, [0, id], [-1, 1]));
  const difference = tf.sub(close!, open!);
  // −log σ(d) where the answer is right, −log σ(−d) where it is not.
  const halting = tf.sub(tf.softplus(difference), tf.mul(right, difference));
  return {
    answer,
    halting: tf.mul(tf.sum(halting), exampleWeight) as tf.Scalar,
    rightShare: tf.mul(tf.sum(right), exampleWeight) as tf.Scalar,
  };
}
