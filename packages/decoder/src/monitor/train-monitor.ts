import { RandomStream } from '@subtext/data';

import { DecoderError } from '../errors';
import { foldsOf } from '../probes/hold-out';
import { fitRegression, standardize } from '../probes/logistic-regression';
import { type Auroc, auroc } from './auroc';

/** A linear classifier of states with an alarm threshold. */
export interface TrainedMonitor {
  /** `[width]`; the score of a state is `weights · state + bias`, the log-odds that it is flagged. */
  weights: Float32Array;
  bias: number;
  /** Scores of at least this raise the alarm. */
  threshold: number;
  /** Cross-validated: each state is scored by a monitor trained on the other folds. */
  auroc: Auroc;
}

/** Options of {@link trainMonitor}. */
export interface TrainMonitorOptions {
  /** `[width]` each. */
  states: readonly ArrayLike<number>[];
  /** By state, whether it should be flagged. */
  flagged: readonly boolean[];
  /** Maximum false-positive rate, 0 to 1. @default 0.01 */
  falseAlarms?: number;
  /** L2 regularisation, on standardised features. @default 0.01 */
  regularization?: number;
  /** Number of cross-validation folds for the threshold. @default 5 */
  folds?: number;
  /** @default 0 */
  seed?: number;
}

/**
 * Trains a monitor of thoughts: logistic regression on their states. The threshold is set on held-out states, so that
 * the false-positive rate carries over to new ones.
 *
 * @throws DecoderError `length-mismatch` if the numbers of states and flags differ or states differ in width;
 *   `empty-set` for fewer than two states per fold in either group; `invalid-option`
 */
export function trainMonitor({
  states,
  flagged,
  falseAlarms = 0.01,
  regularization = 0.01,
  folds = 5,
  seed = 0,
}: TrainMonitorOptions): TrainedMonitor {
  const width = states[0]?.length ?? 0;
  if (states.length !== flagged.length || states.some(({ length }) => length !== width))
    throw new DecoderError({
      code: 'length-mismatch',
      message: `A monitor needs one flag per state, and states of the same width; got ${states.length} states and ${flagged.length} flags.`,
    });
  if (!(falseAlarms >= 0 && falseAlarms <= 1))
    throw new DecoderError({
      code: 'invalid-option',
      message: `falseAlarms: ${falseAlarms} is not between 0 and 1.`,
    });
  const positive = flagged.filter(Boolean).length;
  if (Math.min(positive, flagged.length - positive) < 2 * folds)
    throw new DecoderError({
      code: 'empty-set',
      message: `Of ${flagged.length} states ${positive} are flagged; a monitor needs at least ${2 * folds} flagged and ${2 * folds} unflagged.`,
    });
  const fit = (training: readonly number[]) => fitMonitor({ states, flagged, training, width, regularization });
  const scores = new Array<number>(states.length);
  const random = new RandomStream({ seed, name: 'monitor folds' });
  for (const { training, test } of foldsOf({ groups: [...states.keys()], folds, random })) {
    const { score } = fit(training);
    for (const index of test) scores[index] = score(states[index]!);
  }
  const quiet = scores.filter((_, index) => !flagged[index]).sort((one, other) => other - one);
  const allowed = Math.floor(falseAlarms * quiet.length);
  const loudest = quiet[Math.min(allowed, quiet.length - 1)]!;
  const { weights, bias } = fit([...states.keys()]);
  return {
    weights,
    bias,
    // Just above the highest score that must not raise the alarm.
    threshold: loudest + Number.EPSILON * Math.max(1, Math.abs(loudest)),
    auroc: auroc({ scores, flagged }),
  };
}

/** Logistic regression in the original units: the standardisation is folded into the weights. */
function fitMonitor({
  states,
  flagged,
  training,
  width,
  regularization,
}: {
  states: readonly ArrayLike<number>[];
  flagged: readonly boolean[];
  training: readonly number[];
  width: number;
  regularization: number;
}): { weights: Float32Array; bias: number; score: (state: ArrayLike<number>) => number } {
  const { features, apply } = standardize({ states, training, width });
  const fitted = fitRegression({
    features,
    width,
    targets: Int32Array.from(flagged, Number),
    rows: training,
    classes: 2,
    regularization,
    iterations: 200,
  });
  const difference = (unit: number) => fitted[width + 1 + unit]! - fitted[unit]!;
  // `apply` is (state − mean) · scale: at 0 it gives −mean · scale, and at 1, scale more.
  const atZero = apply(new Float64Array(width));
  const atOne = apply(new Float64Array(width).fill(1));
  const weights = Float32Array.from(atZero, (zero, unit) => difference(unit) * (atOne[unit]! - zero));
  const bias = atZero.reduce((sum, zero, unit) => sum + difference(unit) * zero, difference(width));
  return {
    weights,
    bias,
    score: (state) => weights.reduce((sum, weight, unit) => sum + weight * state[unit]!, bias),
  };
}
