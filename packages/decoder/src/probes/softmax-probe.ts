import { RandomStream } from '@subtext/core';

import { DecoderError } from '../errors';
import { fitHiddenLayer } from './hidden-layer';
import { fitRegression, standardize } from './logistic-regression';

/** Predicts a distribution over labels from a state. */
export interface SoftmaxProbe {
  labels: readonly string[];
  /** Probability of each label, given a state `[width]`. */
  read(state: ArrayLike<number>): number[];
}

/** Options of {@link trainSoftmaxProbe}. */
export interface SoftmaxProbeOptions {
  /** `[width]` each. */
  states: readonly ArrayLike<number>[];
  /** By state: its label. */
  labels: readonly string[];
  /** All possible labels; one that no state has gets a probability near 0. @default those of the states, in order */
  known?: readonly string[];
  /** L2 regularisation on standardised features; only without a hidden layer. @default 0.001 */
  regularization?: number;
  /** Maximum number of optimizer steps; only without a hidden layer. @default 200 */
  iterations?: number;
  /**
   * Number of hidden units. With a hidden layer, a fifth of the states is held out, and the weights with the lowest
   * held-out loss are kept (early stopping). @default 0: linear
   */
  units?: number;
  /** Seed of the hidden layer's initial weights, batches and held-out states. @default 0 */
  seed?: number;
}

/** Maximum number of hidden units. */
const mostUnits = 4096;

/**
 * Multinomial logistic regression from states to labels, `softmax(W·x + b)`, or with a hidden layer
 * `softmax(B·relu(A·x + a) + b)`, minimising mean cross-entropy: the best estimate of this form of the label distribution
 * given the state, if each state's label is one sample from it.
 *
 * @throws DecoderError `length-mismatch` if the numbers of states and labels differ or states differ in width;
 *   `empty-set` for fewer than two labels; `invalid-option` for a label that is not among the known ones, or an invalid
 *   number of units
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
      message: `A probe needs one label per state, and states of the same width; got ${states.length} states and ${labels.length} labels.`,
    });
  if (new Set(labels).size < 2)
    throw new DecoderError({
      code: 'empty-set',
      message: `The ${labels.length} labels are all the same; a probe needs at least two different ones.`,
    });
  const unknown = labels.find((label) => !known.includes(label));
  if (unknown !== undefined)
    throw new DecoderError({
      code: 'invalid-option',
      message: `The label "${unknown}" is not one of ${known.join(', ')}.`,
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
        message: `The probe was trained on states of width ${width}, but this one has ${state.length}.`,
      });
    return softmax(scores(apply(state)));
  };
  return { labels: known, read };
}

/** Class scores of a linear probe on standardised features. */
function linearScores(options: Parameters<typeof fitRegression>[0]): (input: Float64Array) => number[] {
  const { width, classes } = options;
  const weights = fitRegression(options);
  return (input) =>
    Array.from({ length: classes }, (_, label) => {
      const start = label * (width + 1);
      return input.reduce((sum, value, unit) => sum + value * weights[start + unit]!, weights[start + width]!);
    });
}

/** Class scores of a probe with a hidden layer, with early stopping on a fifth of the rows. */
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

/** Converts scores to probabilities. */
export function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
