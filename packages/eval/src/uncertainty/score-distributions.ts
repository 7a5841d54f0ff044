import { meanAndDeviation } from '@subtext/core';

import { EvaluationError } from '../errors';
import { bootstrap } from '../statistics/bootstrap';

/** A number with its standard error. */
export interface Measured {
  value: number;
  standardError: number;
}

/** How far distributions that were read are from the true ones. */
export interface DistributionScores {
  /** Mean of KL(true ‖ read) = Σ p·ln(p/q), in nats, of q with `floor` of it spread evenly, so that it is never infinite. */
  divergence: Measured;
  /** Mean of ½ Σ |p − q|: the largest difference in the probability of anything. 0 to 1. */
  totalVariation: Measured;
  /**
   * The expected calibration error (Guo et al., 2017, arXiv 1706.04599, equation 3) of the likeliest label: over bins of equal
   * width by its probability q, the mean of |mean q − mean p|, weighted by the samples in each. The true probability p of that
   * label stands where frequencies of right answers otherwise do. 0 to 1.
   */
  calibrationError: Measured;
  count: number;
}

/** Options of {@link scoreDistributions}. */
export interface ScoreDistributionsOptions {
  /** By sample, the probability of each label. */
  truths: readonly (readonly number[])[];
  /** By sample, the same as it was read. */
  read: readonly (readonly number[])[];
  /** @default 15 */
  bins?: number;
  /** Share of what was read that is spread evenly over all labels, for the divergence. @default 0.01 */
  floor?: number;
}

/** Enough for a standard error of two digits. */
const RESAMPLES = 400;

/**
 * Scores distributions against the true ones. A reader who says the same each time can be calibrated: divergence and total
 * variation show that it knows nothing.
 *
 * @throws EvaluationError `length-mismatch` where they do not pair; `empty-set` without a sample
 */
export function scoreDistributions({
  truths,
  read,
  bins = 15,
  floor = 0.01,
}: ScoreDistributionsOptions): DistributionScores {
  if (truths.length !== read.length || truths.some((truth, row) => truth.length !== read[row]!.length))
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `${truths.length} true distributions do not pair with ${read.length} that were read; give both of the same samples, over the same labels.`,
    });
  if (truths.length === 0)
    throw new EvaluationError({ code: 'empty-set', message: 'There is no distribution to score; give at least one.' });
  const mean = (values: readonly number[]): Measured => {
    const { mean: value, standardError } = meanAndDeviation(values);
    return { value, standardError };
  };
  const likeliest = read.map((distribution) => distribution.indexOf(Math.max(...distribution)));
  const said = likeliest.map((label, row) => read[row]![label]!);
  const right = likeliest.map((label, row) => truths[row]![label]!);
  const { value, standardError } = bootstrap({
    count: truths.length,
    resamples: RESAMPLES,
    statistic: (indices) => binnedError({ said, right, indices, bins }),
  });
  return {
    divergence: mean(truths.map((truth, row) => divergence({ truth, read: read[row]!, floor }))),
    totalVariation: mean(totalVariations({ truths, read })),
    calibrationError: { value, standardError },
    count: truths.length,
  };
}

/** By sample ½ Σ |p − q|. */
function totalVariations({ truths, read }: Pick<ScoreDistributionsOptions, 'truths' | 'read'>): number[] {
  return truths.map(
    (truth, row) => truth.reduce((sum, probability, label) => sum + Math.abs(probability - read[row]![label]!), 0) / 2,
  );
}

function divergence({
  truth,
  read,
  floor,
}: {
  truth: readonly number[];
  read: readonly number[];
  floor: number;
}): number {
  return truth.reduce((sum, probability, label) => {
    if (probability === 0) return sum;
    return sum + probability * Math.log(probability / ((1 - floor) * read[label]! + floor / read.length));
  }, 0);
}

function binnedError({
  said,
  right,
  indices,
  bins,
}: {
  said: readonly number[];
  right: readonly number[];
  indices: Int32Array;
  bins: number;
}): number {
  const gaps = new Float64Array(bins);
  for (const index of indices)
    gaps[Math.min(bins - 1, Math.floor(said[index]! * bins))]! += said[index]! - right[index]!;
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / indices.length;
}
