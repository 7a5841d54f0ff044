import { type Estimate, meanAndDeviation, wilsonInterval } from '@subtext/core';
import { RandomStream } from '@subtext/data';

import { holdOut } from './hold-out';
import { argmaxClass } from './logistic-regression';
import { checkProbed, commonestClass, type Probed, probeSplit } from './probe-split';

/** Result of a linear probe. */
export interface LinearProbeResult {
  /** Accuracy on held-out examples, with its Wilson interval. */
  accuracy: Estimate;
  /** Accuracy of always predicting the most common training label. */
  majority: number;
  /** The same probe on shuffled labels: held-out accuracy per shuffle. This is chance level. */
  shuffled: { accuracies: number[]; mean: number; highest: number };
  /**
   * The control task of Hewitt and Liang (2019): each input type gets a label drawn at random from the label
   * distribution, the same wherever it occurs. A probe can only solve it by memorising, so it measures capacity. Null
   * without types, or if no type occurs in both training and held-out states.
   */
  control: {
    accuracies: number[];
    mean: number;
    highest: number;
    /** Fraction of held-out states whose type occurs in training. */ seen: number;
  } | null;
  /** Accuracy minus the control task's mean; null without a control task. */
  selectivity: number | null;
  /** Number of weights of the probe. */
  parameters: number;
  /** Labels in the order of the weights. */
  labels: string[];
  trainingCount: number;
  heldOutCount: number;
  /** Held-out examples by true and predicted label: `confusion[truth][predicted]`. */
  confusion: number[][];
  /** Predicts the label of a state. */
  predict: (state: ArrayLike<number>) => string;
}

/** Options of {@link trainLinearProbe}. */
export interface LinearProbeOptions extends Probed {
  /** Fraction held out. @default 0.3 */
  heldOut?: number;
  /** L2 regularisation, on standardised features. @default 0.01 */
  regularization?: number;
  /** Number of shuffled-label probes, and of control tasks. @default 5 */
  controls?: number;
  /** @default 200 */
  iterations?: number;
  /** @default 0 */
  seed?: number;
}

/**
 * Multinomial logistic regression from states to labels, with held-out accuracy, the same on shuffled labels (chance),
 * and on control tasks (selectivity). Deterministic; features are standardised with the training states' mean and
 * deviation.
 *
 * @throws DecoderError length-mismatch if the numbers of states and labels differ; empty-set for fewer than two labels
 *   or groups.
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
  const { width, names, ids } = checkProbed({ states, labels, groups, types });
  const { training, test } = holdOut({
    groups: groups ?? states.map((_, index) => index),
    share: heldOut,
    random: new RandomStream({ seed, name: 'probe split' }),
  });
  const { weights, standard, said, shuffled, control } = probeSplit({
    states,
    width,
    ids,
    classes: names.length,
    types,
    training,
    test,
    random: new RandomStream({ seed, name: 'probe control' }),
    controls,
    regularization,
    iterations,
  });
  const right = test.filter((index, place) => said[place] === ids[index]).length;
  const summary = (found: readonly (readonly boolean[])[]) => {
    const accuracies = found.map((hits) => hits.filter(Boolean).length / test.length);
    return {
      accuracies,
      mean: accuracies.length === 0 ? Number.NaN : meanAndDeviation(accuracies).mean,
      highest: Math.max(...accuracies),
    };
  };
  const controlled = control === null ? null : { ...summary(control.hits), seen: control.seen };
  const commonest = commonestClass({ ids, among: training, classes: names.length });
  const confusion = names.map(() => names.map(() => 0));
  for (const [place, index] of test.entries()) {
    const line = confusion[ids[index] as number] as number[];
    line[said[place] as number] = (line[said[place] as number] as number) + 1;
  }
  return {
    accuracy: { value: right / test.length, interval: wilsonInterval({ successes: right, total: test.length }) },
    majority: test.filter((index) => ids[index] === commonest).length / test.length,
    shuffled: summary(shuffled),
    control: controlled,
    selectivity: controlled === null ? null : right / test.length - controlled.mean,
    parameters: weights.length,
    labels: names,
    trainingCount: training.length,
    heldOutCount: test.length,
    confusion,
    predict: (state) =>
      names[argmaxClass({ weights, features: standard.apply(state), width, classes: names.length })] as string,
  };
}
