import { type Estimate, meanAndDeviation, wilsonInterval } from '@subtext/core';
import { RandomStream } from '@subtext/data';

import { DecoderError } from '../errors';
import { minimize } from './minimize';

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

/** A label for each type, drawn from the training labels as often as they stand there, and given to all states of the type. */
function controlLabels({
  types,
  ids,
  training,
  random,
}: {
  types: readonly (string | number)[];
  ids: Int32Array;
  training: readonly number[];
  random: RandomStream;
}): Int32Array {
  const labels = new Map<string, number>();
  return Int32Array.from(types, (type) => {
    const known = labels.get(String(type));
    if (known !== undefined) return known;
    const drawn = ids[training[random.integer(training.length)] as number] as number;
    labels.set(String(type), drawn);
    return drawn;
  });
}

function split({
  count,
  groups,
  heldOut,
  seed,
}: {
  count: number;
  groups: readonly (string | number)[] | undefined;
  heldOut: number;
  seed: number;
}): { training: number[]; test: number[] } {
  const indices = Array.from({ length: count }, (_, index) => index);
  const keys = groups === undefined ? indices.map(String) : groups.map(String);
  const distinct = [...new Set(keys)];
  if (!(heldOut > 0 && heldOut < 1))
    throw new DecoderError({
      code: 'invalid-option',
      message: `A held-out share of ${heldOut} is not between 0 and 1.`,
    });
  if (distinct.length < 2)
    throw new DecoderError({
      code: 'empty-set',
      message: `A probe needs two groups of states or more, to hold some out; got ${distinct.length}.`,
    });
  const size = Math.min(distinct.length - 1, Math.max(1, Math.round(heldOut * distinct.length)));
  const out = new Set(new RandomStream({ seed, name: 'probe split' }).shuffle(distinct).slice(0, size));
  return {
    training: indices.filter((index) => !out.has(keys[index] as string)),
    test: indices.filter((index) => out.has(keys[index] as string)),
  };
}

function standardize({
  states,
  training,
  width,
}: {
  states: readonly ArrayLike<number>[];
  training: number[];
  width: number;
}): { features: Float64Array; apply: (state: ArrayLike<number>) => Float64Array } {
  const mean = new Float64Array(width);
  const scale = new Float64Array(width);
  for (let unit = 0; unit < width; unit++) {
    const { mean: middle, deviation } = meanAndDeviation(
      training.map((index) => (states[index] as ArrayLike<number>)[unit] as number),
    );
    mean[unit] = middle;
    // A unit that never moves says nothing.
    scale[unit] = deviation > 1e-12 ? 1 / deviation : 0;
  }
  const apply = (state: ArrayLike<number>) =>
    mean.map((middle, unit) => ((state[unit] as number) - middle) * (scale[unit] as number));
  const features = new Float64Array(states.length * width);
  for (const [index, state] of states.entries()) features.set(apply(state), index * width);
  return { features, apply };
}

/** Weights `[classes, width + 1]`, the bias last, at the lowest mean cross-entropy plus penalty. */
function fitRegression({
  features,
  width,
  targets,
  rows,
  classes,
  regularization,
  iterations,
}: {
  features: Float64Array;
  width: number;
  targets: Int32Array;
  rows: number[];
  classes: number;
  regularization: number;
  iterations: number;
}): Float64Array {
  const stride = width + 1;
  const scores = new Float64Array(classes);
  const { point } = minimize({
    start: new Float64Array(classes * stride),
    iterations,
    objective: (weights, gradient) => {
      let loss = 0;
      for (const row of rows) {
        const start = row * width;
        let largest = -Infinity;
        for (let label = 0; label < classes; label++) {
          let sum = weights[label * stride + width] as number;
          for (let unit = 0; unit < width; unit++)
            sum += (weights[label * stride + unit] as number) * (features[start + unit] as number);
          scores[label] = sum;
          if (sum > largest) largest = sum;
        }
        let total = 0;
        for (let label = 0; label < classes; label++) total += Math.exp((scores[label] as number) - largest);
        loss += largest + Math.log(total) - (scores[targets[row] as number] as number);
        for (let label = 0; label < classes; label++) {
          const error =
            (Math.exp((scores[label] as number) - largest) / total - (label === targets[row] ? 1 : 0)) / rows.length;
          for (let unit = 0; unit < width; unit++)
            gradient[label * stride + unit] =
              (gradient[label * stride + unit] as number) + error * (features[start + unit] as number);
          gradient[label * stride + width] = (gradient[label * stride + width] as number) + error;
        }
      }
      loss /= rows.length;
      for (let place = 0; place < weights.length; place++) {
        if (place % stride === width) continue;
        const weight = weights[place] as number;
        loss += 0.5 * regularization * weight * weight;
        gradient[place] = (gradient[place] as number) + regularization * weight;
      }
      return loss;
    },
  });
  return point;
}

function argmaxClass({
  weights,
  features,
  width,
  classes,
}: {
  weights: Float64Array;
  features: Float64Array;
  width: number;
  classes: number;
}): number {
  let best = 0;
  let highest = -Infinity;
  for (let label = 0; label < classes; label++) {
    let sum = weights[label * (width + 1) + width] as number;
    for (let unit = 0; unit < width; unit++)
      sum += (weights[label * (width + 1) + unit] as number) * (features[unit] as number);
    if (sum > highest) {
      highest = sum;
      best = label;
    }
  }
  return best;
}
