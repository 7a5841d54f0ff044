import { meanAndDeviation, type Interval } from '@subtext/core';

import { EvaluationError } from '../errors';
import { checkPaired } from './mcnemar';

/** Two methods over several seeds. */
export interface SeedComparison {
  seeds: number;
  /** Mean of left − right over the seeds. */
  difference: number;
  /** Of the mean, by Student's t. */
  interval: Interval;
  /** Student's t of the paired differences; infinite where they are all one and not 0. */
  statistic: number;
  /** Two-sided, by Student's t with seeds − 1 degrees of freedom. */
  pValue: number;
  /** Two-sided, over all changes of the differences' signs: exact, and never below 2 / 2^seeds. */
  permutationPValue: number;
}

/** With more seeds than this, changes of sign are too many to go through. */
const mostSeeds = 20;

/**
 * Whether two methods differ, from the scores of models that were trained with several seeds, paired by seed: the paired
 * t-test (Student, 1908), and the exact test over changes of sign (Fisher, 1935) that assumes no distribution. McNemar's
 * test of one seed's models says nothing of another seed's.
 *
 * @throws EvaluationError length-mismatch where the lists do not pair; empty-set for fewer than two seeds.
 */
export function compareSeeds({
  left,
  right,
  confidence = 0.95,
}: {
  /** By seed: the left method's score. */ left: readonly number[];
  right: readonly number[];
  /** @default 0.95 */ confidence?: number;
}): SeedComparison {
  checkPaired(left, right);
  const seeds = left.length;
  if (seeds < 2)
    throw new EvaluationError({
      code: 'empty-set',
      message: 'One seed says nothing of how a method varies; give two or more, better five.',
    });
  const differences = left.map((value, index) => value - (right[index] as number));
  const { mean, standardError } = meanAndDeviation(differences);
  // Rounding alone is no difference between seeds.
  const spread = standardError > 1e-12 * Math.max(1, Math.abs(mean)) ? standardError : 0;
  const statistic = spread > 0 ? mean / spread : mean === 0 ? 0 : Math.sign(mean) * Infinity;
  const half = studentQuantile({ chance: 0.5 + confidence / 2, freedom: seeds - 1 }) * spread;
  return {
    seeds,
    difference: mean,
    interval: [mean - half, mean + half],
    statistic,
    pValue: 2 * studentTail({ statistic: Math.abs(statistic), freedom: seeds - 1 }),
    permutationPValue: seeds <= mostSeeds ? signTest(differences) : Number.NaN,
  };
}

function signTest(differences: readonly number[]): number {
  const observed = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  const all = 2 ** differences.length;
  let extreme = 0;
  for (let signs = 0; signs < all; signs++) {
    const sum = differences.reduce((total, value, index) => total + ((signs >> index) & 1 ? -value : value), 0);
    if (Math.abs(sum) >= observed - 1e-12) extreme += 1;
  }
  return extreme / all;
}

/** The chance that Student's t is above a statistic: half the incomplete beta function at ν / (ν + t²). */
function studentTail({ statistic, freedom }: { statistic: number; freedom: number }): number {
  if (!Number.isFinite(statistic)) return 0;
  return 0.5 * incompleteBeta({ x: freedom / (freedom + statistic * statistic), a: freedom / 2, b: 0.5 });
}

function studentQuantile({ chance, freedom }: { chance: number; freedom: number }): number {
  let low = 0;
  let high = 1;
  while (studentTail({ statistic: high, freedom }) > 1 - chance) high *= 2;
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (studentTail({ statistic: middle, freedom }) > 1 - chance) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The regularised incomplete beta function, by its continued fraction (Lentz; Numerical Recipes, 6.4). */
function incompleteBeta({ x, a, b }: { x: number; a: number; b: number }): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta({ x: 1 - x, a: b, b: a });
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || tiny);
  let fraction = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d || tiny);
    c = 1 + even / c || tiny;
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d || tiny);
    c = 1 + odd / c || tiny;
    const change = d * c;
    fraction *= change;
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return front * fraction;
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** ln Γ of a positive number: recurrence up to 15, then Stirling's series. */
function logGamma(value: number): number {
  let shift = 0;
  let x = value;
  for (; x < 15; x += 1) shift -= Math.log(x);
  const inverse = 1 / x;
  const square = inverse * inverse;
  return (
    shift +
    (x - 0.5) * Math.log(x) -
    x +
    0.5 * Math.log(2 * Math.PI) +
    inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
  );
}
