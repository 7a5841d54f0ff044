import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

import { ReasonerError } from '../errors';
import type { HaltingMarks } from '../methods/reasoning-method';
import type { Question, Reasoner } from '../reasoner/reasoner';
import { lengthsMask, recurrentModel } from './recurrent-forward';

/** What a question's state says after one recurrence. */
export interface RecurrenceReading {
  /** The answer's ids, each read at its place. */
  ids: number[];
  /** The probability that the model gives to this answer being right: what halting goes by. */
  right: number;
  /** How far the state moved, `‖sₖ − sₖ₋₁‖ / ‖sₖ‖`. */
  moved: number;
}

/** One question, thought through. */
export interface RecurrentRun {
  prompt: number[];
  /** After each recurrence, up to the one after which it halted. */
  readings: RecurrenceReading[];
  /** By recurrence of `keep`, the state of the question's positions: `[positions · width]`. */
  states: Map<number, Float32Array>;
  /** Of the true answer after the last recurrence, in nats, summed over its tokens; where `truths` are given. */
  negativeLogLikelihood?: number;
}

export interface RunRecurrencesOptions {
  reasoner: Reasoner;
  questions: readonly Question[];
  /** From 1; more than in training is allowed. @default those of the method */
  recurrences?: number;
  /** A question halts once its answer is right with this probability, above 0 to 1. @default none halts */
  haltFrom?: number;
  /** Recurrences after which states are kept. @default none */
  keep?: readonly number[];
  /** States that take the place of those after a recurrence; null: its own. @default none */
  replace?: { after: number; states: readonly (Float32Array | null)[] };
  /** By question, the true answer's ids. @default likelihoods are not taken */
  truths?: readonly (readonly number[])[];
  signal?: AbortSignal;
}

/**
 * Thinks questions through side by side, with what is said after each recurrence.
 *
 * @throws ReasonerError `invalid-option` for a number of recurrences or a probability that there is not, and for a model
 *   without a core; `width-mismatch` for states of another question's length or another model
 */
export async function runRecurrences({
  reasoner,
  questions,
  recurrences = reasoner.method.recurrences,
  haltFrom,
  keep = [],
  replace,
  truths,
  signal,
}: RunRecurrencesOptions): Promise<RecurrentRun[]> {
  const model = recurrentModel(reasoner.model);
  const wanted = checkRecurrences({ recurrences, haltFrom });
  const context = reasoner.layoutContext();
  const marks = reasoner.method.halting!(context) as HaltingMarks;
  const prompts = reasoner.prompts(questions);
  const before = context.prefix?.length ?? 0;
  const { rows, time, ids, lengths } = padded({ prompts, padId: context.endId });
  checkFits({ time, most: model.dimensions.maxPositions });
  const { width } = model.dimensions;
  // The cells of all answers, row by row, then the ends of the questions.
  const cells = prompts.flatMap((prompt, row) =>
    Array.from({ length: prompt.length - before - 1 }, (_, cell) => row * time + before + cell),
  );
  const ends = prompts.map(({ length }, row) => row * time + length - 1);

  const mask = lengthsMask({ lengths, time });
  const injected = tf.tidy(
    () => model.read({ embeddings: model.embed(tf.tensor2d(ids, [rows, time], 'int32')), mask }).injected,
  );
  const input = { injected, mask };
  let state = tf.tidy(() => model.initialState({ batch: rows, time }));
  const runs = prompts.map((prompt): RecurrentRun => ({ prompt, readings: [], states: new Map() }));
  const halted = runs.map(() => false);
  try {
    for (let step = 1; step <= wanted && halted.includes(false); step++) {
      signal?.throwIfAborted();
      const old = state;
      state = tf.tidy(() => model.recur({ state: old, input }));
      const isLast = step === wanted;
      const read = tf.tidy(() => {
        const moved = tf.div(norms({ states: tf.sub(state, old), mask }), norms({ states: state, mask }));
        if (replace?.after === step) {
          const own = state;
          state = tf.keep(placed({ own, states: replace.states, lengths, width }));
          own.dispose();
        }
        const says = tf.reshape(model.readOut({ state, input }), [rows * time, width]) as tf.Tensor2D;
        const logits = model.logits(gatherRows({ input: says, indices: Int32Array.from(cells) }));
        const stops = model.logits(gatherRows({ input: says, indices: Int32Array.from(ends) }));
        const [more, stop] = [marks.more, marks.stop].map((id) => tf.slice(stops, [0, id], [-1, 1]));
        return {
          best: tf.argMax(logits, 1),
          right: tf.sigmoid(tf.sub(stop!, more!)),
          moved,
          ...(isLast && truths && { losses: crossEntropy({ logits, labels: tf.tensor1d(truths.flat(), 'int32') }) }),
        };
      });
      old.dispose();
      const values = await Promise.all(
        [read.best, read.right, read.moved, ...(read.losses ? [read.losses] : [])].map((tensor) => tensor.data()),
      ).finally(() => tf.dispose(read as unknown as tf.TensorContainer));
      const [best, right, moved, losses] = values as [Int32Array, Float32Array, Float32Array, Float32Array?];
      const kept = keep.includes(step) ? ((await state.data()) as Float32Array) : undefined;
      let cell = 0;
      for (const [row, run] of runs.entries()) {
        const count = run.prompt.length - before - 1;
        const own = [...best.subarray(cell, cell + count)];
        if (losses) run.negativeLogLikelihood = losses.subarray(cell, cell + count).reduce((sum, one) => sum + one, 0);
        cell += count;
        if (halted[row] === true) continue;
        run.readings.push({ ids: own, right: right[row]!, moved: moved[row]! });
        if (kept) run.states.set(step, kept.slice(row * time * width, (row * time + run.prompt.length) * width));
        halted[row] = haltFrom !== undefined && right[row]! >= haltFrom;
      }
    }
    return runs;
  } finally {
    tf.dispose([state, injected, ...(mask ? [mask] : [])]);
  }
}

function checkRecurrences({ recurrences, haltFrom }: Pick<RunRecurrencesOptions, 'recurrences' | 'haltFrom'>): number {
  if (recurrences === undefined || !Number.isInteger(recurrences) || recurrences < 1)
    throw new ReasonerError({
      code: 'invalid-option',
      message: `recurrences: ${recurrences} is not a whole number from 1: a core that is never run has no answer.`,
    });
  if (haltFrom !== undefined && !(haltFrom > 0 && haltFrom <= 1))
    throw new ReasonerError({
      code: 'invalid-option',
      message: `haltFrom: ${haltFrom} is not a probability above 0, from which on an answer counts as right.`,
    });
  return recurrences;
}

function checkFits({ time, most }: { time: number; most: number }): void {
  if (time <= most) return;
  throw new ReasonerError({
    code: 'example-too-long',
    message: `The question takes ${time} tokens; the model has room for ${most}. Ask a shorter question.`,
  });
}

/** Prompts padded on the right, as in training. */
function padded({ prompts, padId }: { prompts: readonly (readonly number[])[]; padId: number }) {
  const time = prompts.reduce((most, { length }) => Math.max(most, length), 0);
  const ids = new Int32Array(prompts.length * time).fill(padId);
  for (const [row, prompt] of prompts.entries()) ids.set(prompt, row * time);
  return { rows: prompts.length, time, ids, lengths: Int32Array.from(prompts, ({ length }) => length) };
}

/** By row, the norm of a state over all its positions but padding: `[rows]`. */
function norms({ states, mask }: { states: tf.Tensor; mask: tf.Tensor2D | null }): tf.Tensor {
  const squares = tf.sum(tf.square(states), 2);
  return tf.sqrt(tf.sum(mask ? tf.mul(squares, tf.cast(mask, 'float32')) : squares, 1));
}

/** States with others in the places of some rows. */
function placed({
  own,
  states,
  lengths,
  width,
}: {
  own: tf.Tensor3D;
  states: readonly (Float32Array | null)[];
  lengths: Int32Array;
  width: number;
}): tf.Tensor3D {
  const [rows, time] = own.shape;
  const values = new Float32Array(rows * time * width);
  const taken = new Float32Array(rows);
  for (const [row, state] of states.entries()) {
    if (state === null) continue;
    if (state.length !== lengths[row]! * width)
      throw new ReasonerError({
        code: 'width-mismatch',
        message: `A state of ${state.length} numbers cannot take the place of one of ${lengths[row]! * width}: ${lengths[row]!} positions of width ${width}. Take states of questions of one length, from one model.`,
      });
    values.set(state, row * time * width);
    taken[row] = 1;
  }
  const others = tf.tensor3d(values, [rows, time, width]);
  const share = tf.tensor3d(taken, [rows, 1, 1]);
  return tf.add(tf.mul(own, tf.sub(1, share)), tf.mul(others, share));
}
