import type { RandomStream } from '@subtext/data';

import { DecoderError } from '../errors';
import { controlLabels } from './control-task';
import { argmaxClass, fitRegression, standardize } from './logistic-regression';

/** Training data of a probe: states with labels, and their groups. */
export interface Probed {
  /** States, each `[width]`. */
  states: readonly ArrayLike<number>[];
  /** By state: the label to predict, such as the next node, an object, a digit. */
  labels: readonly (string | number)[];
  /** By state: its group, such as its example; groups are held out as a whole. @default each its own */
  groups?: readonly (string | number)[];
  /** By state: the type of input it comes from, such as its question, for the control task. @default none */
  types?: readonly (string | number)[];
}

/**
 * Converts labels to numbers. @throws DecoderError length-mismatch if list lengths differ; empty-set for a single label
 */
export function checkProbed({ states, labels, groups, types }: Probed): {
  width: number;
  /** Label names, indexed by number. */ names: string[];
  /** By state. */ ids: Int32Array;
} {
  if (
    states.length !== labels.length ||
    (groups !== undefined && groups.length !== states.length) ||
    (types !== undefined && types.length !== states.length)
  ) {
    throw new DecoderError({
      code: 'length-mismatch',
      message: `${states.length} states, ${labels.length} labels and ${groups?.length ?? states.length} groups and ${types?.length ?? states.length} types; pass one of each per state.`,
    });
  }
  const width = states[0]?.length ?? 0;
  const odd = states.findIndex((state) => state.length !== width);
  if (odd >= 0)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `State ${odd} has width ${states[odd]?.length}, the first ${width}; pass states of a single model.`,
    });
  const names = [...new Set(labels.map(String))].sort();
  if (names.length < 2)
    throw new DecoderError({
      code: 'empty-set',
      message: `All labels are ${names[0] ?? 'missing'}; a probe needs at least two different ones.`,
    });
  return { width, names, ids: Int32Array.from(labels, (label) => names.indexOf(String(label))) };
}

/** The most common class among some states. */
export function commonestClass({
  ids,
  among,
  classes,
}: {
  ids: Int32Array;
  among: Iterable<number>;
  classes: number;
}): number {
  const counts = new Int32Array(classes);
  for (const index of among) counts[ids[index] as number] = (counts[ids[index] as number] as number) + 1;
  return counts.indexOf(Math.max(...counts));
}

/** Trains and tests a probe, shuffled-label probes and control tasks on the same split. */
export function probeSplit({
  states,
  width,
  ids,
  classes,
  types,
  training,
  test,
  random,
  controls,
  regularization,
  iterations,
}: {
  states: readonly ArrayLike<number>[];
  width: number;
  /** Class by state. */ ids: Int32Array;
  classes: number;
  types: readonly (string | number)[] | undefined;
  training: readonly number[];
  test: readonly number[];
  random: RandomStream;
  /** Number of shuffled-label probes, and of control tasks. */ controls: number;
  regularization: number;
  iterations: number;
}): {
  weights: Float64Array;
  standard: ReturnType<typeof standardize>;
  /** Predicted class of each test state. */ said: number[];
  /** By shuffle and test state: whether the prediction is correct. */ shuffled: boolean[][];
  /** The same by control task; null if no type occurs in both training and test states. */
  control: { hits: boolean[][]; /** Fraction of test states whose type occurs in training. */ seen: number } | null;
} {
  const standard = standardize({ states, training, width });
  const fit = (targets: Int32Array) =>
    fitRegression({
      features: standard.features,
      width,
      targets,
      rows: training,
      classes,
      regularization,
      iterations,
    });
  const saidBy = (weights: Float64Array) =>
    test.map((index) =>
      argmaxClass({
        weights,
        features: standard.features.subarray(index * width, (index + 1) * width),
        width,
        classes,
      }),
    );
  const hitsOf = (targets: Int32Array) => {
    const said = saidBy(fit(targets));
    return test.map((index, place) => said[place] === targets[index]);
  };
  const weights = fit(ids);
  const shuffled = Array.from({ length: controls }, () => hitsOf(Int32Array.from(random.shuffle([...ids]))));
  const trained = new Set(types === undefined ? [] : training.map((index) => String(types[index])));
  const seen = types === undefined ? 0 : test.filter((index) => trained.has(String(types[index]))).length / test.length;
  const control =
    types === undefined || seen === 0 || controls === 0
      ? null
      : {
          hits: Array.from({ length: controls }, () => hitsOf(controlLabels({ types, ids, training, random }))),
          seen,
        };
  return { weights, standard, said: saidBy(weights), shuffled, control };
}
