import { type Estimate, meanAndDeviation, wilsonInterval } from '@subtext/core';
import { RandomStream } from '@subtext/data';

import { DecoderError } from '../errors';
import { controlLabels } from './control-task';
import { split } from './hold-out';
import { argmaxClass, fitRegression, standardize } from './logistic-regression';

/** What a linear probe finds. */
export interface LinearProbeResult {
  /** Over held-out examples, with its Wilson interval. */
  accuracy: Estimate;
  /** What always saying the commonest training label would get. */
  majority: number;
  /** The same probe on labels shuffled over the states: held-out accuracies, one a shuffle. This is chance. */
  shuffled: { accuracies: number[]; mean: number; highest: number };
  /**
   * The control task of Hewitt and Liang (2019): every type of input has a label of its own, drawn at random from the
   * labels' distribution and kept wherever the type stands. What the probe gets of it, it can only have learned by heart:
   * its capacity. Null without types, or where no type stands both among the training states and the held-out ones.
   */
  control: {
    accuracies: number[];
    mean: number;
    highest: number;
    /** Held-out states whose type was trained on, as a share. */ seen: number;
  } | null;
  /** accuracy − the control task's mean; null without a control task. */
  selectivity: number | null;
  /** Weights of the probe. */
  parameters: number;
  /** Labels in the order of the weights. */
  labels: string[];
  trainingCount: number;
  heldOutCount: number;
  /** Held-out examples by true and said label: `confusion[truth][said]`. */
  confusion: number[][];
  /** Says the label of a state. */
  predict: (state: ArrayLike<number>) => string;
}

/** Options of {@link trainLinearProbe}. */
export interface LinearProbeOptions {
  /** States, each `[width]`. */
  states: readonly ArrayLike<number>[];
  /** By state: what to read from it, such as the next node, an object, a digit. */
  labels: readonly (string | number)[];
  /** By state: states of one group, such as one example's, are held out together. @default each its own */
  groups?: readonly (string | number)[];
  /** By state: what kind of input it comes from, such as its question; of these the control task is made. @default none */
  types?: readonly (string | number)[];
  /** Share held out. @default 0.3 */
  heldOut?: number;
  /** Weight of the squared weights, on standardised features. @default 0.01 */
  regularization?: number;
  /** Probes on shuffled labels, and on control tasks. @default 5 */
  controls?: number;
  /** @default 200 */
  iterations?: number;
  /** @default 0 */
  seed?: number;
}

/**
 * Multinomial logistic regression from states to labels, with held-out accuracy, the same on shuffled labels (chance),
 * and on control tasks (selectivity). Deterministic; features are standardised by the training states.
 *
 * @throws DecoderError length-mismatch where states and labels do not pair; empty-set for fewer than two labels or groups.
 */
export function trainLinearProbe({
  states,
  labels,
  groups,
  types,
  heldOut = 0.3,
  regularization = 0.01,
  controls = 5,
  iterations = 200,
  seed = 0,
}: LinearProbeOptions): LinearProbeResult {
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
  const { training, test } = split({ count: states.length, groups, heldOut, seed });
  const names = [...new Set(labels.map(String))].sort();
  if (names.length < 2)
    throw new DecoderError({
      code: 'empty-set',
      message: `The labels are all ${names[0] ?? 'missing'}; a probe needs two or more.`,
    });
  const ids = Int32Array.from(labels, (label) => names.indexOf(String(label)));
  const standard = standardize({ states, training, width });
  const fit = (targets: Int32Array) =>
    fitRegression({
      features: standard.features,
      width,
      targets,
      rows: training,
      classes: names.length,
      regularization,
      iterations,
    });
  const say = (weights: Float64Array, features: Float64Array) =>
    argmaxClass({ weights, features, width, classes: names.length });
  const row = (index: number) => standard.features.subarray(index * width, (index + 1) * width);
  const correct = (weights: Float64Array, targets: Int32Array) =>
    test.filter((index) => say(weights, row(index)) === targets[index]).length;

  const weights = fit(ids);
  const right = correct(weights, ids);
  const random = new RandomStream({ seed, name: 'probe control' });
  const summary = (accuracies: number[]) => ({
    accuracies,
    mean: accuracies.length === 0 ? Number.NaN : meanAndDeviation(accuracies).mean,
    highest: Math.max(...accuracies),
  });
  const shuffled = summary(
    Array.from({ length: controls }, () => {
      const others = Int32Array.from(random.shuffle([...ids]));
      return correct(fit(others), others) / test.length;
    }),
  );
  const trainedTypes = new Set(types === undefined ? [] : training.map((index) => String(types[index])));
  const seen =
    types === undefined ? 0 : test.filter((index) => trainedTypes.has(String(types[index]))).length / test.length;
  const control =
    types === undefined || seen === 0 || controls === 0
      ? null
      : {
          ...summary(
            Array.from({ length: controls }, () => {
              const targets = controlLabels({ types, ids, training, random });
              return correct(fit(targets), targets) / test.length;
            }),
          ),
          seen,
        };
  const counts = new Int32Array(names.length);
  for (const index of training) counts[ids[index] as number] = (counts[ids[index] as number] as number) + 1;
  const commonest = counts.indexOf(Math.max(...counts));
  const confusion = names.map(() => names.map(() => 0));
  for (const index of test) {
    const said = say(weights, row(index));
    const line = confusion[ids[index] as number] as number[];
    line[said] = (line[said] as number) + 1;
  }
  return {
    accuracy: { value: right / test.length, interval: wilsonInterval({ successes: right, total: test.length }) },
    majority: test.filter((index) => ids[index] === commonest).length / test.length,
    shuffled,
    control,
    selectivity: control === null ? null : right / test.length - control.mean,
    parameters: weights.length,
    labels: names,
    trainingCount: training.length,
    heldOutCount: test.length,
    confusion,
    predict: (state) => names[say(weights, standard.apply(state))] as string,
  };
}
