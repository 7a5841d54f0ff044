import { RandomStream } from '@subtext/core';

import { DecoderError } from '../errors';
import { fitHiddenLayer } from './hidden-layer';
import { fitRegression, standardize } from './logistic-regression';

/** Reads a distribution over labels from a state. */
export interface SoftmaxProbe {
  labels: readonly string[];
  /** By label, its probability given a state `[width]`. */
  read(state: ArrayLike<number>): number[];
}

/** Options of {@link trainSoftmaxProbe}. */
export interface SoftmaxProbeOptions {
  /** `[width]` each. */
  states: readonly ArrayLike<number>[];
  /** By state: what it was. */
  labels: readonly string[];
  /** What there can be; a label that no state has gets a probability near 0. @default those of the states, in order */
  known?: readonly string[];
  /** Weight of the squared weights, on standardised features; of a reader without a hidden layer. @default 0.001 */
  regularization?: number;
  /** Steps of the fit, at most; of a reader without a hidden layer. @default 200 */
  iterations?: number;
  /**
   * Units of a hidden layer. With one, a fifth of the states is held out, and of the weights on the way those are taken that
   * find the labels of these likeliest. @default 0: a linear reader
   */
  units?: number;
  /** Of a hidden layer's start, batches and held-out states. @default 0 */
  seed?: number;
}

/** The most units of a hidden layer. */
const mostUnits = 4096;

/**
 * Multinomial logistic regression from states to labels, `softmax(W·x + b)`, or with a hidden layer
 * `softmax(B·relu(A·x + a) + b)`, at the lowest mean cross-entropy: of all such readers the one nearest to how the labels are
 * distributed given the state, where each state shows one label that was drawn.
 *
 * @throws DecoderError `length-mismatch` where states and labels do not pair or states differ in width; `empty-set` for fewer
 *   than two labels; `invalid-option` for a label that is not among the known ones, and for units that are no number of them
 */
export function trainSoftmaxProbe({
  states,
  labels,
  known = [...new Set(labels)].sort(),
  regularization = 0.001,
  iterations = 200,
  units = 0,
  seed = 0,
}: SoftmaxProbeOptions): SoftmaxProbe {
  const width = states[0]?.length ?? 0;
  if (states.length !== labels.length || states.some(({ length }) => length !== width))
    throw new DecoderError({
      code: 'length-mismatch',
      message: `A probe takes a label for each state, and states of one width; got ${states.length} states and ${labels.length} labels.`,
    });
  if (new Set(labels).size < 2)
    throw new DecoderError({
      code: 'empty-set',
      message: `The ${labels.length} labels are all alike; a probe learns to tell two or more apart.`,
    });
  const unknown = labels.find((label) => !known.includes(label));
  if (unknown !== undefined)
    throw new DecoderError({
      code: 'invalid-option',
      message: `The label "${unknown}" is none of ${known.join(', ')}.`,
    });
  if (!Number.isInteger(units) || units < 0 || units > mostUnits)
    throw new DecoderError({
      code: 'invalid-option',
      message: `A reader has a whole number of hidden units from 0 to ${mostUnits}, not ${units}.`,
    });
  const rows = [...states.keys()];
  const { features, apply } = standardize({ states, training: rows, width });
  const shared = {
    ...{ features, width, classes: known.length },
    targets: Int32Array.from(labels, (label) => known.indexOf(label)),
  };
  const scores =
    units === 0
      ? linearScores({ ...shared, rows, regularization, iterations })
      : hiddenScores({ ...shared, rows, units, seed });
  const read = (state: ArrayLike<number>) => {
    if (state.length !== width)
      throw new DecoderError({
        code: 'length-mismatch',
        message: `The probe was trained on states of width ${width}, and this one has ${state.length}.`,
      });
    return softmax(scores(apply(state)));
  };
  return { labels: known, read };
}

/** What a linear reader makes of standardised features, by class. */
function linearScores(options: Parameters<typeof fitRegression>[0]): (input: Float64Array) => number[] {
  const { width, classes } = options;
  const weights = fitRegression(options);
  return (input) =>
    Array.from({ length: classes }, (_, label) => {
      const start = label * (width + 1);
      return input.reduce((sum, value, unit) => sum + value * weights[start + unit]!, weights[start + width]!);
    });
}

/** The same of a reader with a hidden layer, which a fifth of the rows tells when to stop. */
function hiddenScores({
  rows,
  ...options
}: Omit<Parameters<typeof fitHiddenLayer>[0], 'training' | 'heldOut'> & { rows: readonly number[] }): (
  input: Float64Array,
) => number[] {
  const order = new RandomStream({ seed: options.seed, name: 'held-out states' }).shuffle(rows);
  const held = Math.max(1, Math.floor(rows.length / 5));
  return fitHiddenLayer({ ...options, training: order.slice(held), heldOut: order.slice(0, held) });
}

/** Scores as probabilities. */
export function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
