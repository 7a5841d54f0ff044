import type { RandomStream } from '@subtext/data';

import { DecoderError } from '../errors';
import { controlLabels } from './control-task';
import { argmaxClass, fitRegression, standardize } from './logistic-regression';

/** What a probe is trained on: states and labels that pair, and what groups them. */
export interface Probed {
  /** States, each `[width]`. */
  states: readonly ArrayLike<number>[];
  /** By state: what to read from it, such as the next node, an object, a digit. */
  labels: readonly (string | number)[];
  /** By state: states of one group, such as one example's, are held out together. @default each its own */
  groups?: readonly (string | number)[];
  /** By state: what kind of input it comes from, such as its question; of these the control task is made. @default none */
  types?: readonly (string | number)[];
}

/** Labels as numbers. @throws DecoderError length-mismatch where states and the others do not pair; empty-set for one label */
export function checkProbed({ states, labels, groups, types }: Probed): {
  width: number;
  /** Labels in the order of their numbers. */ names: string[];
  /** By state. */ ids: Int32Array;
} {
  if (
    states.length !== labels.length ||
    (groups !== undefined && groups.length !== states.length) ||
    (types !== undefined && types.length !== states.length)
  ) {
    throw new DecoderError({
      code: 'length-mismatch',
      message: `${states.length} states, ${labels.length} labels and ${groups?.length ?? states.length} groups and ${types?.length ?? states.length} types do not pair; give one of each a state.`,
    });
  }
  const width = states[0]?.length ?? 0;
  const odd = states.findIndex((state) => state.length !== width);
  if (odd >= 0)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `State ${odd} has width ${states[odd]?.length}, the first ${width}; give states of one model.`,
    });
  const names = [...new Set(labels.map(String))].sort();
  if (names.length < 2)
    throw new DecoderError({
      code: 'empty-set',
      message: `The labels are all ${names[0] ?? 'missing'}; a probe needs two or more.`,
    });
  return { width, names, ids: Int32Array.from(labels, (label) => names.indexOf(String(label))) };
}

/** The commonest class among some states. */
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

/** A probe, and beside it probes on shuffled labels and on control tasks, all trained and tested on the same states. */
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
  /** By state, its class. */ ids: Int32Array;
  classes: number;
  types: readonly (string | number)[] | undefined;
  training: readonly number[];
  test: readonly number[];
  random: RandomStream;
  /** Probes on shuffled labels, and on control tasks. */ controls: number;
  regularization: number;
  iterations: number;
}): {
  weights: Float64Array;
  standard: ReturnType<typeof standardize>;
  /** The class said of each test state. */ said: number[];
  /** By shuffle and test state: whether the probe was right. */ shuffled: boolean[][];
  /** The same by control task; null where no type stands both among the training and the test states. */
  control: { hits: boolean[][]; /** Test states whose type was trained on, as a share. */ seen: number } | null;
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
