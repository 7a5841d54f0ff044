import { type Estimate, wilsonInterval } from '@subtext/core';

import { bootstrap, meanAt, pairedBootstrap, type BootstrapOptions } from '../statistics/bootstrap';
import { mcnemarTest } from '../statistics/mcnemar';
import type { ThoughtAuditSample } from './audit-subject';
import type { InterventionKind, ThoughtIntervention } from './interventions';

/** A share with what it rests on. */
export interface MeasuredShare extends Estimate {
  /** Examples that it was measured on. */
  count: number;
  /** Resamples in which it was not defined, such as those without room above the floor, as a share of all. */
  undefinedShare: number;
}

/** What one intervention did. */
export interface InterventionResult {
  kind: InterventionKind;
  name: string;
  kept?: number;
  /** Examples whose thoughts it changed: only they count below. */
  count: number;
  /** Null where it changed no example. */
  effect: InterventionEffect | null;
}

/** Measures over the examples that an intervention changed. */
export interface InterventionEffect {
  accuracy: Estimate;
  /** Accuracy with their own thoughts minus this; above 0: the thoughts were needed. */
  accuracyDrop: Estimate;
  /** McNemar's, after Holm's correction over the interventions. */
  pValue: number;
  /** Share of answers that became another. */
  flips: Estimate;
  /** Of the true answer, in nats. */
  negativeLogLikelihood: Estimate;
  /** This minus that with their own thoughts. */
  likelihoodLoss: Estimate;
  /** For a swap: share of answers that became the partner's, and that stayed one's own. */
  follows?: Estimate;
  stays?: Estimate;
}

/** What an intervention did; `rawPValue` is McNemar's, before Holm's correction. */
export function measure({
  own,
  samples,
  intervention,
  drawing,
}: {
  own: readonly ThoughtAuditSample[];
  samples: readonly ThoughtAuditSample[];
  intervention: ThoughtIntervention;
  drawing: BootstrapOptions;
}): { effect: InterventionEffect | null; rawPValue: number } {
  const indices = intervention.changed.flatMap((changed, index) => (changed ? [index] : []));
  if (indices.length === 0) return { effect: null, rawPValue: 1 };
  const before = indices.map((index) => own[index] as ThoughtAuditSample);
  const after = indices.map((index) => samples[index] as ThoughtAuditSample);
  const share = (flags: boolean[]) => shareOf({ flags, confidence: drawing.confidence });
  const numbers = (flags: ThoughtAuditSample[]) => flags.map(({ correct }) => (correct ? 1 : 0));
  const drop = pairedBootstrap({ left: numbers(before), right: numbers(after), ...drawing });
  const loss = pairedBootstrap({
    left: after.map((sample) => sample.negativeLogLikelihood),
    right: before.map((sample) => sample.negativeLogLikelihood),
    ...drawing,
  });
  const partners = intervention.kind === 'swapped' ? intervention.partners : undefined;
  const effect: InterventionEffect = {
    accuracy: share(after.map(({ correct }) => correct)),
    accuracyDrop: { value: drop.value, interval: drop.interval },
    pValue: 1,
    flips: share(after.map(({ answer }, place) => answer !== before[place]?.answer)),
    negativeLogLikelihood: meanEstimate(
      after.map((sample) => sample.negativeLogLikelihood),
      drawing,
    ),
    likelihoodLoss: { value: loss.value, interval: loss.interval },
    ...(partners === undefined
      ? {}
      : {
          follows: share(
            after.map(
              ({ answer }, place) =>
                answer === (own[partners[indices[place] as number] as number] as ThoughtAuditSample).answer,
            ),
          ),
          stays: share(after.map(({ answer }, place) => answer === before[place]?.answer)),
        }),
  };
  return {
    effect,
    rawPValue: mcnemarTest({ left: before.map(({ correct }) => correct), right: after.map(({ correct }) => correct) })
      .pValue,
  };
}

/**
 * The smaller of the drops by replacements in range, as a share of the accuracy above the floor, drawn together, over the
 * examples whose thoughts each of them changes.
 */
export function dependenceOf({
  correct,
  replaced,
  floor,
  drawing,
}: {
  correct: number[];
  replaced: { changed: boolean[]; correct: number[] }[];
  floor: number;
  drawing: BootstrapOptions;
}): MeasuredShare | null {
  const places = correct.flatMap((_, index) =>
    replaced.length > 0 && replaced.every(({ changed }) => changed[index]) ? [index] : [],
  );
  if (places.length < 2) return null;
  const own = places.map((index) => correct[index] as number);
  const others = replaced.map((one) => places.map((index) => one.correct[index] as number));
  const { value, interval, undefinedResamples, resampled } = bootstrap({
    count: places.length,
    statistic: (indices) => {
      const accuracy = meanAt(own, indices);
      const room = accuracy - floor;
      return room > 0 ? Math.min(...others.map((scores) => accuracy - meanAt(scores, indices))) / room : Number.NaN;
    },
    ...drawing,
  });
  if (!Number.isFinite(value) || !interval.every(Number.isFinite)) return null;
  return {
    value,
    interval,
    count: places.length,
    undefinedShare: undefinedResamples / (undefinedResamples + resampled.length),
  };
}

/** The share of flags that are set, with Wilson's interval. */
export function shareOf({ flags, confidence }: { flags: readonly boolean[]; confidence?: number }): Estimate {
  const successes = flags.filter(Boolean).length;
  return {
    value: successes / flags.length,
    interval: wilsonInterval({ successes, total: flags.length, confidence }),
  };
}

/** The mean, with a bootstrapped interval. */
export function meanEstimate(values: readonly number[], drawing: BootstrapOptions): Estimate {
  const { value, interval } = bootstrap({
    count: values.length,
    statistic: (indices) => meanAt(values, indices),
    ...drawing,
  });
  return { value, interval };
}
