import { DecoderError } from '../errors';
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
  /** Weight of the squared weights, on standardised features. @default 0.001 */
  regularization?: number;
  /** Steps of the fit, at most. @default 200 */
  iterations?: number;
}

/**
 * Multinomial logistic regression from states to labels, `softmax(W·x + b)`, at the lowest mean cross-entropy: of all such
 * readers the one nearest to how the labels are distributed given the state, where each state shows one label that was drawn.
 *
 * @throws DecoderError `length-mismatch` where states and labels do not pair or states differ in width; `empty-set` for fewer
 *   than two labels; `invalid-option` for a label that is not among the known ones
 */
export function trainSoftmaxProbe({
  states,
  labels,
  known = [...new Set(labels)].sort(),
  regularization = 0.001,
  iterations = 200,
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
  const rows = [...states.keys()];
  const { features, apply } = standardize({ states, training: rows, width });
  const weights = fitRegression({
    features,
    width,
    targets: Int32Array.from(labels, (label) => known.indexOf(label)),
    rows,
    classes: known.length,
    regularization,
    iterations,
  });
  const read = (state: ArrayLike<number>) => {
    if (state.length !== width)
      throw new DecoderError({
        code: 'length-mismatch',
        message: `The probe was trained on states of width ${width}, and this one has ${state.length}.`,
      });
    const input = apply(state);
    return softmax(
      known.map((_, label) => {
        const start = label * (width + 1);
        return input.reduce((sum, value, unit) => sum + value * weights[start + unit]!, weights[start + width]!);
      }),
    );
  };
  return { labels: known, read };
}

/** Scores as probabilities. */
export function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
