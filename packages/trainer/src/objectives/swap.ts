import { type CounterfactualAnswer, findCounterfactuals, normalizeAnswer, type ReasoningExample } from '@subtext/data';
import {
  canExchange,
  collateExchanged,
  countPredicted,
  type ExchangedLayout,
  hashCounters,
  randomAt,
  type ReasonerBatch,
  withAnswer,
} from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

import { TrainerError } from '../errors';
import type { LaidOutExample, ReasonerData } from '../sources/laid-out-examples';
import { nextTokenLoss } from './next-token';
import type { ObjectiveDefinition } from './objective';

/** Options of the objective. */
export interface SwapOptions {
  /** Of its loss. @default 1 */
  weight?: number;
}

/** Examples that go on from others' thoughts, and the answers that follow. */
export interface SwapPart {
  batch: ReasonerBatch;
}

/** By data set, what its examples are answered with another's stage; null where it does not tell. */
const truths = new WeakMap<readonly ReasoningExample[], CounterfactualAnswer | null>();

/**
 * Counterfactual swap training: for a share of the examples the thoughts of one stage are those of another example of the
 * shard, and the answer must be the one that the data says follows from them, `Σ −log p(answer that follows)`. Gradients
 * reach the donor's thoughts too. For data that tells what follows (`findCounterfactuals`).
 */
export const swap: ObjectiveDefinition<SwapOptions | undefined, undefined, SwapPart, ReasonerBatch> = {
  name: 'swap',

  create: ({ options, model }) => {
    // Positions that are learned and added to the input stay in a thought: they are as they were where it was thought.
    const rotates = model.rotary.some((rotary) => rotary !== null);
    return {
      loss({ forward, part: { batch } }) {
        const swapLoss = nextTokenLoss(forward.run(rotates ? batch : { ...batch, positions: unshifted(batch) }));
        return { terms: [tf.mul(swapLoss, options?.weight ?? 1)], parts: { swapLoss } };
      },
    };
  },

  async parts({ shards, set, counters }) {
    const chosen = shards.map((items, shard) => choosePairs({ items, set, counters: [...counters, shard] }));
    const predicted = chosen.flat().reduce((sum, { own }) => sum + countPredicted(own), 0);
    return Promise.all(
      chosen.map(async (pairs) => {
        if (pairs.length === 0) return undefined;
        const batch = collateExchanged({ pairs, padId: set.context.endId, lossWeight: 1 / Math.max(1, predicted) });
        const images = await set.pictures?.prepare(pairs.flatMap(({ images: shown }) => shown));
        if (images?.aspectRatioIds !== undefined)
          throw new TrainerError({
            code: 'invalid-option',
            message:
              'swap: this model sees pictures beside the sequence, one a row, and exchanging thoughts puts two examples into one. Leave method.swap out, or take a model with pictures in the sequence.',
          });
        return { batch: { ...batch, ...(images && { images }) } };
      }),
    );
  },
};

/** The exchanges of a shard's step, with the pictures of donor and own. */
function choosePairs({
  items,
  set,
  counters,
}: {
  items: readonly LaidOutExample[];
  set: ReasonerData;
  counters: readonly number[];
}): (ExchangedLayout & { images: ReasoningExample['image'][] })[] {
  return items.flatMap(({ example, layout }, row) => {
    const share = layout.parts?.swap?.share ?? 0;
    if (randomAt(...counters, row, 0) >= share) return [];
    const truth = truthOf(set.examples);
    const stages = [...new Set(layout.thoughts.map(({ stage }) => stage))].filter((stage) =>
      canExchange({ layout, stage }),
    );
    if (stages.length === 0) return [];
    const stage = stages[Math.floor(randomAt(...counters, row, 1) * stages.length)]!;
    const count = (one: LaidOutExample['layout']) => one.thoughts.filter((thought) => thought.stage === stage).length;
    const turn = hashCounters(...counters, row, 2);
    for (let step = 0; step < items.length; step++) {
      const other = items[(turn + step) % items.length]!;
      if (other.layout === layout || count(other.layout) !== count(layout)) continue;
      if (!canExchange({ layout: other.layout, stage })) continue;
      const answer = truth({ example, partner: other.example, stage });
      if (answer === null || normalizeAnswer(answer) === normalizeAnswer(example.answer)) continue;
      const own = withAnswer({ layout, answer, context: set.context });
      return [{ own, donor: other.layout, stage, images: [other.example.image, example.image] }];
    }
    return [];
  });
}

/** @throws TrainerError `invalid-option` for data that does not tell what follows */
function truthOf(examples: readonly ReasoningExample[]): CounterfactualAnswer {
  let found = truths.get(examples);
  if (found === undefined) truths.set(examples, (found = findCounterfactuals({ examples }) ?? null));
  if (found) return found;
  throw new TrainerError({
    code: 'invalid-option',
    message:
      'method.swap: this data does not tell which answer follows from another example’s thoughts. It is known of generated scenes and of chains of equations; leave method.swap out.',
  });
}

/** Positions counted as each sequence of a row had them by itself. */
function unshifted({ positions, rows, time }: ReasonerBatch): ReasonerBatch['positions'] {
  if (!positions) return undefined;
  const values = positions.values.slice();
  for (let row = 0; row < rows; row++) {
    let base = 0;
    for (let place = row * time; place < (row + 1) * time; place++) {
      const isStart = place === row * time || positions.values[place]! !== positions.values[place - 1]! + 1;
      if (isStart) base = positions.values[place]!;
      values[place]! -= base;
    }
  }
  return { values, largest: values.reduce((most, value) => Math.max(most, value), 0) };
}
