import { checkConfidence, type Interval } from '@subtext/core';
import { RandomStream } from '@subtext/data';

import { EvaluationError } from '../errors';
import { checkPaired } from './mcnemar';

/** Options of every bootstrap. */
export interface BootstrapOptions {
  /** How often the samples are drawn anew. @default 2000 */
  resamples?: number;
  /** @default 0.95 */
  confidence?: number;
  /** @default 0 */
  seed?: number;
}

/** A statistic with its bootstrap interval. */
export interface BootstrapResult {
  /** Of the samples as they are. */
  value: number;
  /** Percentiles of the resampled statistic. */
  interval: Interval;
  /** Standard deviation of the resampled statistic. */
  standardError: number;
  /** The resampled statistics, sorted; those that were not finite are left out. */
  resampled: Float64Array;
  /** Resamples whose statistic was not finite, such as a ratio over zero. */
  undefinedResamples: number;
}

/**
 * The percentile bootstrap (Efron, 1979) of any statistic of `count` samples. All that belongs to a
 * sample moves with its index, so that paired values stay paired. Same seed: same interval.
 *
 * @throws EvaluationError empty-set without samples; invalid-option for too few resamples.
 */
export function bootstrap({
  count,
  statistic,
  resamples = 2000,
  confidence = 0.95,
  seed = 0,
}: BootstrapOptions & {
  count: number;
  /** Of the samples with these indices, some repeated. */
  statistic: (indices: Int32Array) => number;
}): BootstrapResult {
  if (count <= 0)
    throw new EvaluationError({ code: 'empty-set', message: 'There are no samples to draw from; give at least one.' });
  if (!Number.isInteger(resamples) || resamples < 100) {
    throw new EvaluationError({
      code: 'invalid-option',
      message: `${resamples} resamples are too few for an interval; give at least 100 (2000 is usual).`,
    });
  }
  checkConfidence(confidence);
  const random = new RandomStream({ seed, name: 'bootstrap' });
  const indices = Int32Array.from({ length: count }, (_, index) => index);
  const value = statistic(indices);
  const all = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    for (let index = 0; index < count; index++) indices[index] = random.integer(count);
    all[resample] = statistic(indices);
  }
  const resampled = all.filter((one) => Number.isFinite(one)).sort();
  const mean = resampled.reduce((sum, one) => sum + one, 0) / resampled.length;
  const variance = resampled.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, resampled.length - 1);
  return {
    value,
    interval: [percentile(resampled, (1 - confidence) / 2), percentile(resampled, (1 + confidence) / 2)],
    standardError: Math.sqrt(variance),
    resampled,
    undefinedResamples: resamples - resampled.length,
  };
}

/**
 * The interval that belongs to a paired bootstrap's p-value: it leaves out 0 exactly where the p-value is below
 * 1 − confidence. Its ends are resampled values; with too few resamples for so high a confidence it reaches to 0.
 */
export function pairedInterval({
  difference: { resampled },
  confidence = 0.95,
}: {
  difference: PairedDifference;
  /** @default 0.95 */ confidence?: number;
}): Interval {
  checkConfidence(confidence);
  const outside = Math.ceil(((1 - confidence) * (resampled.length + 1)) / 2 - 1) - 1;
  const last = resampled.length - 1;
  if (outside < 0) return [Math.min(0, resampled[0] as number), Math.max(0, resampled[last] as number)];
  return [resampled[outside] as number, resampled[last - outside] as number];
}

/** A difference of two paired runs. */
export interface PairedDifference extends BootstrapResult {
  /** Two-sided: twice the smaller share of resamples at or beyond zero, counting the samples themselves as one. */
  pValue: number;
}

/**
 * The mean difference left − right over the same samples, with its bootstrap interval.
 *
 * @throws EvaluationError length-mismatch or empty-set where the lists do not pair.
 */
export function pairedBootstrap({
  left,
  right,
  ...options
}: BootstrapOptions & { left: readonly number[]; right: readonly number[] }): PairedDifference {
  checkPaired(left, right);
  const differences = Float64Array.from(left, (value, index) => value - (right[index] as number));
  const result = bootstrap({
    count: differences.length,
    statistic: (indices) => meanAt(differences, indices),
    ...options,
  });
  const below = result.resampled.reduce((sum, one) => sum + (one <= 0 ? 1 : 0), 0);
  const above = result.resampled.reduce((sum, one) => sum + (one >= 0 ? 1 : 0), 0);
  const pValue = Math.min(1, (2 * (Math.min(below, above) + 1)) / (result.resampled.length + 1));
  return { ...result, pValue };
}

/** The mean of the values at some indices. */
export function meanAt(values: ArrayLike<number>, indices: ArrayLike<number>): number {
  let sum = 0;
  for (let place = 0; place < indices.length; place++) sum += values[indices[place] as number] as number;
  return sum / indices.length;
}

/** A percentile of sorted values, interpolated as numpy does by default; NaN without values. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const below = sorted[low] as number;
  const above = sorted[Math.min(low + 1, sorted.length - 1)] as number;
  return below + (above - below) * (place - low);
}
