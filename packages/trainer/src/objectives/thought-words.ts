import { pickedLoss } from '@subtext/reasoner';
import { gatherRows, linear, Parameters, tf } from '@subtext/tensor';

import type { ObjectiveDefinition } from './objective';

export interface ThoughtWordsOptions {
  /** Of the words' loss. @default 1 */
  weight?: number;
}

/** Which thoughts of a shard predict which words. */
export interface ThoughtWordsPart {
  /** By thought, the row of the states `[rows · time]` that predicts. */
  stateRows: Int32Array;
  /** By word, `thought · MOST_WORDS + place` and its token. */
  wordRows: Int32Array;
  wordIds: Int32Array;
  /** 1 / words of the whole step. */
  lossWeight: number;
}

/** The most words that a thought predicts; what its part of the step has beyond them is left out. */
const MOST_WORDS = 24;

/**
 * Each thought predicts the words of its part of the step, all at once: `Σ_j −log softmax(head(W_j · h))[word_j]`, with h the
 * thought's state, the model's own head, and for the j-th word a matrix W_j, `[width, width]`, that is the identity at first
 * and serves training alone. Like the heads of multi-token prediction (Gloeckle et al., arXiv 2404.19737), but of one state
 * for one step. What an interpreter has to learn to read, these supervise from the first update.
 */
export const thoughtWords: ObjectiveDefinition<ThoughtWordsOptions, undefined, ThoughtWordsPart> = {
  name: 'thought-words',

  create({ options: { weight = 1 }, model }) {
    const { width } = model.dimensions;
    const parameters = new Parameters();
    const name = 'places.weight';
    parameters.add({ name, value: tf.tidy(() => tf.tile(tf.eye(width), [MOST_WORDS, 1])) });
    return {
      parameters: parameters.trainable().map(([own, variable]) => ({ name: `thought-words/${own}`, variable })),
      loss({ forward, part: { stateRows, wordRows, wordIds, lossWeight } }) {
        if (wordIds.length === 0) return { terms: [], parts: { wordsLoss: tf.scalar(0) } };
        const thoughts = gatherRows({ input: forward.states, indices: stateRows });
        const places = linear({ input: thoughts, weight: parameters.get(name) as tf.Tensor2D });
        const states = tf.reshape(places, [stateRows.length * MOST_WORDS, width]) as tf.Tensor2D;
        const wordsLoss = pickedLoss({ model: forward, states, lossRows: wordRows, lossLabels: wordIds, lossWeight });
        return { terms: [tf.mul(wordsLoss, weight)], parts: { wordsLoss } };
      },
    };
  },

  parts({ shards, batches }) {
    const made = shards.map((items, shard) => {
      const thoughts = items.flatMap(({ layout: { parts } }, row) =>
        (parts?.['thought-words']?.thoughts ?? []).map(({ position, ids }) => ({
          stateRow: row * batches[shard]!.time + position,
          ids: ids.slice(0, MOST_WORDS),
        })),
      );
      return {
        stateRows: Int32Array.from(thoughts, ({ stateRow }) => stateRow),
        wordRows: Int32Array.from(
          thoughts.flatMap(({ ids }, thought) => ids.map((_, place) => thought * MOST_WORDS + place)),
        ),
        wordIds: Int32Array.from(thoughts.flatMap(({ ids }) => ids)),
      };
    });
    const words = made.reduce((sum, { wordIds }) => sum + wordIds.length, 0);
    return made.map((part) => ({ ...part, lossWeight: 1 / Math.max(1, words) }));
  },
};
