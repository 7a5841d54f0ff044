import { batchRows, countPredicted, type ReasonerBatch } from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

import { haltingLoss } from './halting-loss';
import { tokenLosses } from './next-token';
import type { ObjectiveDefinition } from './objective';

export interface HaltingOptions {
  /** What a thought costs, in nats of the answer's loss. */
  cost: number;
}

/** Learning when to stop: behind the batch's first rows, which take all their thoughts, stand those that take fewer. */
export interface HaltingPart {
  /** Ids of the tokens whose logits decide. */
  more: number;
  stop: number;
  /** Of the halting head's loss; 0 where it waits. */
  weight: number;
  /** How many of the first rows are whole examples. */
  examples: number;
  /** The most thoughts, N. Example e with n < N thoughts is row `examples + e · N + n`, with N it is row `e`. */
  thoughts: number;
  /** Row of the states `[rows · time]` of example e after n thoughts, at `e · N + n`, for n < N. */
  stateRows: Int32Array;
  /** By row of the batch, which of its losses are this row's: `lossCounts[row]` of them from `lossStarts[row]` on. */
  lossStarts: Int32Array;
  lossCounts: Int32Array;
  /** 1 / examples of the whole step. */
  exampleWeight: number;
}

/** A halting head's cross-entropy with the number of thoughts that would have been cheapest for each example. */
export const halting: ObjectiveDefinition<HaltingOptions, undefined, HaltingPart, ReasonerBatch> = {
  name: 'halting',

  create: ({ options: { cost } }) => ({
    loss({ forward, part }) {
      const { loss, expectedThoughts } = haltingLoss({
        model: forward,
        states: forward.states,
        losses: tokenLosses(forward),
        batch: { ...part, cost },
      });
      return { terms: [tf.mul(loss, part.weight)], metrics: { expectedThoughts } };
    },
  }),

  parts({ shards, batches }) {
    const examples = shards.reduce((sum, items) => sum + items.length, 0);
    return shards.map((items, shard) => {
      const layouts = items.map(({ layout }) => layout);
      const first = layouts[0];
      const own = first?.parts?.halting;
      if (!own) return undefined;
      const { more, stop, weight } = own;
      const lossCounts = Int32Array.from(batchRows(layouts), countPredicted);
      const lossStarts = new Int32Array(lossCounts.length);
      for (let row = 1; row < lossCounts.length; row++) lossStarts[row] = lossStarts[row - 1]! + lossCounts[row - 1]!;
      return {
        more,
        stop,
        weight,
        examples: layouts.length,
        thoughts: first.thoughts.length,
        stateRows: Int32Array.from(
          layouts.flatMap(({ thoughts }, row) =>
            thoughts.map(({ position }) => row * batches[shard]!.time + position - 1),
          ),
        ),
        lossStarts,
        lossCounts,
        exampleWeight: 1 / Math.max(1, examples),
      };
    });
  },
};
