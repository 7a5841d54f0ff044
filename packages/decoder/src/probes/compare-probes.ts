import { type Estimate, meanAndDeviation, pairedDifference, wilsonInterval } from '@subtext/core';
import { RandomStream } from '@subtext/data';

import { foldsOf } from './hold-out';
import { checkProbed, commonestClass, type Probed, probeSplit } from './probe-split';

/** Verdict of a probe comparison. */
export type ProbeVerdict = 'read from the thought' | 'no better than a baseline' | 'cannot tell';

/** A baseline for a probe of thoughts. */
export interface ProbeBaseline {
  name: string;
  accuracy: Estimate;
  /** The thought's accuracy minus this one's, over the same states. For the control task this is the selectivity. */
  difference: Estimate;
}

/** A probe of thoughts with its baselines. */
export interface ProbeComparison {
  verdict: ProbeVerdict;
  accuracy: Estimate;
  /** The thought's accuracy, by seed. */
  bySeed: number[];
  baselines: ProbeBaseline[];
  /** The strongest baseline: the verdict depends on it. */
  closest: ProbeBaseline;
  /**
   * Fraction of states whose type also occurs in the training states: all that a control task can test. Null without a
   * control task.
   */
  seen: number | null;
  /** Number of distinct labels. */
  labels: number;
  states: number;
  /** Number of weights of a probe. */
  parameters: number;
}

/** Options of {@link compareProbes}. */
export interface CompareProbesOptions extends Probed {
  /**
   * Other states to read the same label from, such as those of an untrained model or of the question; one for each of
   * `states`. @default none
   */
  baselines?: readonly { name: string; states: readonly ArrayLike<number>[] }[];
  /** Number of cross-validation folds. @default 5 */
  folds?: number;
  /** Seeds of the folds, shuffles and control tasks; scores are averaged over them. @default [0] */
  seeds?: readonly number[];
  /**
   * A thought whose advantage over a baseline is below this, at the upper end of the interval, is no better. @default
   * 0.1
   */
  margin?: number;
  /** L2 regularisation, on standardised features. @default 0.01 */
  regularization?: number;
  /** @default 200 */
  iterations?: number;
  /** Called after each fold. @default none */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/**
 * Tests whether a linear probe (see {@link trainLinearProbe}) can read a fact from thoughts better than from baselines,
 * by cross-validation. Baselines over the same splits: the most common label; the same probe on shuffled labels; a
 * control task (Hewitt and Liang, 2019: each input type gets a label drawn at random from the label distribution, the
 * same wherever it occurs; accuracy minus the control task's is the selectivity); and the same probe on other states.
 *
 * The verdict is *read from the thought* if it beats every baseline, with the 95 % interval of the paired difference
 * above 0; *no better than a baseline* if an interval ends below `margin`; otherwise *cannot tell*. States of one group
 * count once in intervals.
 *
 * @throws DecoderError length-mismatch if list lengths differ; empty-set for fewer than two labels or groups;
 *   invalid-option for fewer than two folds
 */
export function compareProbes({
  states,
  labels,
  groups = states.map((_, index) => index),
  types,
  baselines = [],
  folds = 5,
  seeds = [0],
  margin = 0.1,
  regularization = 0.01,
  iterations = 200,
  onProgress,
}: CompareProbesOptions): ProbeComparison {
  const { width, names, ids } = checkProbed({ states, labels, groups, types });
  const others = baselines.map((one) => ({ ...one, ...checkProbed({ states: one.states, labels, groups, types }) }));
  const read = ['thought', 'commonest label', 'shuffled labels', 'control task', ...others.map(({ name }) => name)];
  const hits = read.map(() => new Int32Array(states.length));
  // Over all states: the most common label of the training states alone would be the rarer one among the held-out
  // states.
  const commonest = commonestClass({ ids, among: ids.keys(), classes: names.length });
  const bySeed: number[] = [];
  let seen: number | null = null;
  let done = 0;
  for (const seed of seeds) {
    const splits = foldsOf({ groups, folds, random: new RandomStream({ seed, name: 'probe folds' }) });
    const random = new RandomStream({ seed, name: 'probe control' });
    let right = 0;
    for (const { training, test } of splits) {
      const shared = { ids, classes: names.length, training, test, random, regularization, iterations };
      const own = probeSplit({ ...shared, states, width, types, controls: 1 });
      if (own.control !== null) seen = (seen ?? 0) + own.control.seen * test.length;
      const found = others.map((other) =>
        probeSplit({ ...shared, states: other.states, width: other.width, types: undefined, controls: 0 }),
      );
      for (const [place, index] of test.entries()) {
        const truth = ids[index];
        const shuffled = own.shuffled[0]![place]!;
        const all = [
          own.said[place] === truth,
          commonest === truth,
          shuffled,
          // On types that were not trained on, a control task is at chance.
          own.control?.hits[0]![place] ?? shuffled,
          ...found.map(({ said }) => said[place] === truth),
        ];
        for (const [reader, hit] of all.entries()) if (hit) hits[reader]![index]! += 1;
        if (all[0]) right += 1;
      }
      onProgress?.({ done: ++done, total: splits.length * seeds.length });
    }
    bySeed.push(right / states.length);
  }
  const independent = new Set(groups.map(String)).size;
  const [thought, ...scores] = hits.map((counts) => Array.from(counts, (count) => count / seeds.length));
  const estimate = (values: readonly number[]): Estimate => {
    const value = meanAndDeviation(values).mean;
    return { value, interval: wilsonInterval({ successes: value * independent, total: independent }) };
  };
  const held = scores.flatMap((right, index): ProbeBaseline[] => {
    const name = read[index + 1]!;
    const difference = pairedDifference({ left: thought!, right, total: independent });
    return name === 'control task' && seen === null ? [] : [{ name, accuracy: estimate(right), difference }];
  });
  const closest = held.reduce((least, one) => (one.difference.value < least.difference.value ? one : least));
  return {
    verdict: judge({ baselines: held, margin }),
    accuracy: estimate(thought!),
    bySeed,
    baselines: held,
    closest,
    seen: seen === null ? null : Math.round(seen) / (states.length * seeds.length),
    labels: names.length,
    states: states.length,
    parameters: names.length * (width + 1),
  };
}

function judge({ baselines, margin }: { baselines: readonly ProbeBaseline[]; margin: number }): ProbeVerdict {
  const intervals = baselines.map(({ difference }) => difference.interval);
  if (intervals.every(([low]) => low > 0)) return 'read from the thought';
  return intervals.some(([, high]) => high < margin) ? 'no better than a baseline' : 'cannot tell';
}
