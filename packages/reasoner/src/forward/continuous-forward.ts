import type { LanguageModel } from '@subtext/model';
import { gatherRows, scatterRows, tf } from '@subtext/tensor';

import type { ContinuousThoughts } from '../batches/continuous-thoughts';
import type { ReasonerBatch } from '../batches/reasoner-batch';
import type { FeedbackMap } from '../feedback/feedback-map';
import { passVisibility } from '../visibility/batch-visibility';
import { checkTakesVisibility, embedBatch } from './embed-batch';
import { cachedRows, type KeysAndValues } from './keys-and-values';

/**
 * A pass with continuous thoughts (Coconut, arXiv 2412.06769): a thought's input is the last hidden state, after the
 * final norm, of the position before it. One pass reaches up to the first thoughts, then each column of thoughts is one
 * step on a cache through which gradients pass, then one pass takes the rest: every position is computed once. Rows with
 * fewer thoughts go on with their text meanwhile. Where a thought is a token to which that state is added (`added`), what
 * stands between two columns of thoughts runs with the first of them.
 */
export function continuousForward({
  model,
  batch,
  feedback,
  outputHiddenStates = false,
  outputKeysAndValues = false,
  needed,
}: {
  model: LanguageModel;
  batch: ReasonerBatch & { continuous: ContinuousThoughts };
  /** What states go through before they are added to thinking tokens; needed where the batch has such (`added`). @default none */
  feedback?: FeedbackMap;
  /** Whether to give every layer's output. @default false */
  outputHiddenStates?: boolean;
  /** Whether to give every layer's keys and values. @default false */
  outputKeysAndValues?: boolean;
  /**
   * Which of `states` will be looked at, as lists of their rows. What only others need is not computed: before the
   * thoughts, where mostly the question stands, that is much of the last layer. @default all
   */
  needed?: readonly Int32Array[];
}): {
  /** `[rows · time, width]`, after the final norm, row by row from the first token: padding comes last. Rows that are not `needed` hold anything. */
  states: tf.Tensor2D;
  /** The same of every layer, as transformers counts them: 0 is what enters the first. Empty unless asked for. */
  layers: tf.Tensor2D[];
  /** Keys and values of every layer, in the rows of `states`. Absent unless asked for. */
  keysAndValues?: KeysAndValues[];
  /** What entered the model: `[rows, time, width]`, padding first, thoughts in their places. */
  inputs: () => tf.Tensor3D;
} {
  const { rows, time, continuous } = batch;
  const { start, counts, offsets, positions, largestPosition, fedBack = true } = continuous;
  const added = continuous.added?.map((column) => ({ ...column, feedback: feedback! }));
  const thoughts = added?.length ?? Math.max(...counts);
  const padded = offsets.some((offset) => offset > 0);
  const cache = model.newGrowingCache();
  const { visibility, positions: placed } = batch;
  if (visibility) checkTakesVisibility(model);
  const { embeddings, forwardExtras } = embedBatch({ model, ...batch, visibility: undefined });
  const { width } = model.dimensions;

  const passes: tf.Tensor3D[][] = [];
  const feed = (input: tf.Tensor3D, from: number, outputPositions = input.shape[1]): tf.Tensor3D => {
    const to = from + input.shape[1];
    const { hidden: output, hiddenStates } = model.forward({
      ...forwardExtras,
      embeddings: input,
      cache,
      outputHiddenStates,
      outputPositions,
      ...(visibility && { visibility: passVisibility({ visibility, time, from, to }) }),
      ...((padded || placed) && {
        mask: tf.tensor2d(
          columns({ rows, from: 0, to, value: (row, column) => (column < offsets[row]! ? 0 : 1) }),
          [rows, to],
          'int32',
        ),
        positions: tf.tensor2d(
          columns({ rows, from, to, value: (row, column) => (placed?.values ?? positions)[row * time + column]! }),
          [rows, to - from],
          'int32',
        ),
        largestPosition: placed?.largest ?? largestPosition,
      }),
    });
    if (hiddenStates) passes.push(hiddenStates);
    return output;
  };

  // Where states are added to tokens, what follows a thought up to the next one runs with it.
  const rest = added ? 0 : time - start - thoughts;
  const lengths = added
    ? added.map(({ column }, index) => (added[index + 1]?.column ?? time) - column)
    : new Array<number>(thoughts).fill(1);
  const pieces = tf.split(embeddings, [start, ...lengths, ...(rest > 0 ? [rest] : [])], 1) as tf.Tensor3D[];
  const fed: tf.Tensor3D[] = [pieces[0]!];
  // The states of the columns before this one are not computed.
  const first =
    needed && !outputHiddenStates && !outputKeysAndValues ? firstColumn({ needed, time, offsets, start }) : 0;
  const hidden: tf.Tensor3D[] = [feed(pieces[0]!, 0, start - first)];
  for (let thought = 0; thought < thoughts; thought++) {
    if (!added && !fedBack) {
      fed.push(pieces[1 + thought]!);
      hidden.push(feed(fed.at(-1)!, start + thought));
      continue;
    }
    const before = hidden.at(-1)!;
    const state = tf.reshape(tf.slice(before, [0, before.shape[1] - 1, 0], [rows, 1, width]), [
      rows,
      width,
    ]) as tf.Tensor2D;
    if (added) {
      fed.push(addStates({ input: pieces[1 + thought]!, states: state, ...added[thought]! }));
      hidden.push(feed(fed.at(-1)!, added[thought]!.column));
      continue;
    }
    const thinking = [...counts.keys()].filter((row) => counts[row]! > thought);
    const input =
      thinking.length === rows
        ? state
        : scatterRows({
            input: tf.reshape(pieces[1 + thought]!, [rows, width]) as tf.Tensor2D,
            indices: thinking,
            updates: gatherRows({ input: state, indices: thinking }),
          });
    fed.push(tf.reshape(input, [rows, 1, width]) as tf.Tensor3D);
    hidden.push(feed(fed.at(-1)!, start + thought));
  }
  if (rest > 0) {
    fed.push(pieces.at(-1)!);
    hidden.push(feed(pieces.at(-1)!, start + thoughts));
  }
  const computed = time - first;
  const home =
    padded || first > 0
      ? columns({
          rows,
          from: 0,
          to: time,
          value: (row, column) => row * computed + Math.max(0, Math.min(column + offsets[row]!, time - 1) - first),
        })
      : undefined;
  const rowsHome = (moved: tf.Tensor2D): tf.Tensor2D => (home ? gatherRows({ input: moved, indices: home }) : moved);
  const movedHome = (parts: tf.Tensor3D[]): tf.Tensor2D =>
    rowsHome(tf.reshape(tf.concat(parts, 1), [rows * computed, width]) as tf.Tensor2D);
  return {
    states: movedHome(hidden),
    layers: Array.from({ length: passes[0]?.length ?? 0 }, (_, layer) =>
      movedHome(passes.map((states) => states[layer]!)),
    ),
    ...(outputKeysAndValues && {
      keysAndValues: cachedRows({ model, cache }).map(({ key, value }) => ({
        key: rowsHome(key),
        value: rowsHome(value),
      })),
    }),
    inputs: () => tf.concat(fed, 1),
  };
}

/** Adds states, through their map, to the first of some columns, in the rows that think there. */
function addStates({
  input,
  states,
  thinking,
  feedback,
}: {
  /** `[rows, columns, width]` */ input: tf.Tensor3D;
  /** `[rows, width]` */ states: tf.Tensor2D;
  /** By row, 1 or 0. */ thinking: Float32Array;
  feedback: FeedbackMap;
}): tf.Tensor3D {
  const [rows, columns, width] = input.shape;
  const fed = tf.mul(feedback.apply(states), tf.tensor2d(thinking, [rows, 1]));
  const first = tf.reshape(fed, [rows, 1, width]) as tf.Tensor3D;
  return tf.add(input, columns === 1 ? first : tf.concat([first, tf.zeros([rows, columns - 1, width])], 1));
}

/** The first column whose state is needed: the last one before the thoughts always is, for it is the first thought. */
function firstColumn({
  needed,
  time,
  offsets,
  start,
}: {
  needed: readonly Int32Array[];
  time: number;
  offsets: Int32Array;
  start: number;
}): number {
  let first = start - 1;
  for (const list of needed)
    for (const row of list) first = Math.min(first, (row % time) + offsets[Math.floor(row / time)]!);
  return first;
}

/** A matrix of whole numbers, row after row. */
function columns({
  rows,
  from,
  to,
  value,
}: {
  rows: number;
  from: number;
  to: number;
  value: (row: number, column: number) => number;
}): Int32Array {
  const count = to - from;
  return Int32Array.from({ length: rows * count }, (_, index) =>
    value(Math.floor(index / count), from + (index % count)),
  );
}
