import { type Estimate, wilsonInterval } from '@subtext/core';

import { bootstrap, meanAt, type BootstrapOptions } from '../statistics/bootstrap';
import type { InterpreterAuditSample, InterpreterCondition } from './audit-subject';
import type { MeasuredShare } from './measure-interventions';

/** What an interpreter does under one condition. */
export interface InterpreterConditionResult {
  condition: InterpreterCondition;
  /** Examples that have it: for another's thought, those of whose number of thoughts there is another. */
  count: number;
  /** Facts told right over all facts; null where the data has no facts. */
  factsRight: Estimate | null;
  /** Of the true stage, in nats a token. */
  negativeLogLikelihood: Estimate;
  /** Own thought's facts minus this; null for `own` and without facts. */
  factMargin: Estimate | null;
  /** This minus the own thought's; null for `own`. */
  likelihoodMargin: Estimate | null;
  /** Share of texts that are, letter for letter, the text from the own thought; null for `own`. */
  sameText: Estimate | null;
}

/** Conditions of the kind that an interpreter is trained on: a question and a true thought. A blind one was trained on its own kind. */
export const inDistribution: ReadonlySet<InterpreterCondition> = new Set(['own', 'another', 'blind interpreter']);

/** The samples of one condition, and which examples they are of. */
export interface ConditionRun {
  indices: number[];
  samples: InterpreterAuditSample[];
}

/** What an interpreter does under a condition, beside what it does with the own thoughts. */
export function describe({
  condition,
  own: every,
  run: { indices: places, samples },
  facts,
  drawing,
}: {
  condition: InterpreterCondition;
  own: readonly InterpreterAuditSample[];
  run: ConditionRun;
  facts: boolean;
  drawing: BootstrapOptions;
}): InterpreterConditionResult {
  const own = places.map((index) => every[index] as InterpreterAuditSample);
  const estimate = (statistic: (indices: Int32Array) => number): Estimate => {
    const { value, interval } = bootstrap({ count: own.length, statistic, ...drawing });
    return { value, interval };
  };
  const likelihoods = samples.map((sample) => sample.negativeLogLikelihood);
  const ownLikelihoods = own.map((sample) => sample.negativeLogLikelihood);
  const same = samples.filter(({ text }, index) => text === own[index]?.text).length;
  const other = condition !== 'own';
  return {
    condition,
    count: own.length,
    factsRight: facts ? estimate((indices) => factShare(samples, indices)) : null,
    negativeLogLikelihood: estimate((indices) => meanAt(likelihoods, indices)),
    factMargin: facts && other ? estimate((indices) => factShare(own, indices) - factShare(samples, indices)) : null,
    likelihoodMargin: other
      ? estimate((indices) => meanAt(likelihoods, indices) - meanAt(ownLikelihoods, indices))
      : null,
    sameText: other
      ? {
          value: same / own.length,
          interval: wilsonInterval({ successes: same, total: own.length, confidence: drawing.confidence }),
        }
      : null,
  };
}

/** Facts right over facts of the drawn samples; NaN where they have none. */
function factShare(samples: readonly InterpreterAuditSample[], indices: Int32Array): number {
  let right = 0;
  let total = 0;
  for (const index of indices) {
    const sample = samples[index] as InterpreterAuditSample;
    right += sample.factsRight;
    total += sample.factsTotal;
  }
  return right / total;
}

/** Over the examples that have every blind condition. */
export function readShareOf({
  own: every,
  blind: runs,
  facts,
  drawing,
}: {
  own: InterpreterAuditSample[];
  blind: ConditionRun[];
  facts: boolean;
  drawing: BootstrapOptions;
}): MeasuredShare | null {
  const places = every.flatMap((_, index) =>
    runs.length > 0 && runs.every(({ indices }) => indices.includes(index)) ? [index] : [],
  );
  if (places.length < 2) return null;
  const own = places.map((index) => every[index] as InterpreterAuditSample);
  const blind = runs.map(({ indices, samples }) => {
    const by = new Map(indices.map((index, place) => [index, samples[place] as InterpreterAuditSample]));
    return places.map((index) => by.get(index) as InterpreterAuditSample);
  });
  const likelihoods = (samples: InterpreterAuditSample[]) => samples.map((sample) => sample.negativeLogLikelihood);
  const ownLikelihoods = likelihoods(own);
  const blindLikelihoods = blind.map(likelihoods);
  const { value, interval, undefinedResamples, resampled } = bootstrap({
    count: own.length,
    statistic: (indices) => {
      if (facts) {
        const best = Math.max(...blind.map((samples) => factShare(samples, indices)));
        // With less than a hundredth of the facts open there is nothing to read.
        return best < 0.99 ? (factShare(own, indices) - best) / (1 - best) : Number.NaN;
      }
      const best = Math.min(...blindLikelihoods.map((values) => meanAt(values, indices)));
      return best > 1e-3 ? (best - meanAt(ownLikelihoods, indices)) / best : Number.NaN;
    },
    ...drawing,
  });
  if (!Number.isFinite(value) || !interval.every(Number.isFinite)) return null;
  return {
    value,
    interval,
    count: own.length,
    undefinedShare: undefinedResamples / (undefinedResamples + resampled.length),
  };
}
