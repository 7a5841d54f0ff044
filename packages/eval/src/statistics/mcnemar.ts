import { checkConfidence, type Interval, complementaryError, normalQuantile } from '@subtext/core';

import { EvaluationError } from '../errors';

/** Up to so many differing pairs the exact test is the one to report. */
const exactUpTo = 1000;

/** McNemar's test of two paired lists of right and wrong. */
export interface McNemarResult {
  /** Pairs that only the left has right. */
  onlyLeft: number;
  /** Pairs that only the right has right. */
  onlyRight: number;
  /** Two-sided, from the binomial distribution with one half. */
  exactPValue: number;
  /** `max(0, |onlyLeft − onlyRight| − 1)² / (onlyLeft + onlyRight)`; 0 without a difference. */
  statistic: number;
  /** Two-sided, of the statistic under χ² with one degree of freedom. */
  chiSquarePValue: number;
  /** The p-value to report: the exact one up to 1000 differing pairs, else that of χ². */
  pValue: number;
}

/**
 * Whether two runs on the same samples differ in accuracy (McNemar, 1947; continuity correction by Edwards, 1948): two
 * models, as they are. Whether their methods differ takes several seeds of each, and {@link compareSeeds}.
 *
 * @throws EvaluationError length-mismatch or empty-set where the lists do not pair.
 */
export function mcnemarTest({ left, right }: { left: readonly boolean[]; right: readonly boolean[] }): McNemarResult {
  checkPaired(left, right);
  let onlyLeft = 0;
  let onlyRight = 0;
  for (const [index, one] of left.entries()) {
    if (one && right[index] === false) onlyLeft++;
    if (!one && right[index] === true) onlyRight++;
  }
  const differing = onlyLeft + onlyRight;
  const exactPValue = Math.min(1, 2 * binomialHalfTail(Math.min(onlyLeft, onlyRight), differing));
  const statistic = differing === 0 ? 0 : Math.max(0, Math.abs(onlyLeft - onlyRight) - 1) ** 2 / differing;
  const chiSquarePValue = complementaryError(Math.sqrt(statistic / 2));
  return {
    onlyLeft,
    onlyRight,
    exactPValue,
    statistic,
    chiSquarePValue,
    pValue: differing <= exactUpTo ? exactPValue : chiSquarePValue,
  };
}

/**
 * The interval of the difference in accuracy, left − right, that belongs to {@link mcnemarTest}: it leaves out 0 exactly
 * where the test's p-value is below 1 − confidence. Given the pairs that differ, the share that the left has right has the
 * interval of Clopper and Pearson (1934), and the difference follows from it; beyond 1000 such pairs, that of χ² with its
 * continuity correction.
 */
export function mcnemarInterval({
  result: { onlyLeft, onlyRight },
  count,
  confidence = 0.95,
}: {
  result: McNemarResult;
  /** Pairs in all. */ count: number;
  /** @default 0.95 */ confidence?: number;
}): Interval {
  checkConfidence(confidence);
  const differing = onlyLeft + onlyRight;
  if (differing === 0) return [0, 0];
  if (differing > exactUpTo) {
    const half = normalQuantile(0.5 + confidence / 2) * Math.sqrt(differing) + 1;
    return [(onlyLeft - onlyRight - half) / count, (onlyLeft - onlyRight + half) / count];
  }
  const tail = (1 - confidence) / 2;
  const low = onlyLeft === 0 ? 0 : bisect((share) => upperTail(onlyLeft, differing, share) < tail);
  const high = onlyRight === 0 ? 1 : 1 - bisect((share) => upperTail(onlyRight, differing, share) < tail);
  return [(differing * (2 * low - 1)) / count, (differing * (2 * high - 1)) / count];
}

/** The largest share in 0 … 1 for which something that ends somewhere still holds. */
function bisect(holds: (share: number) => boolean): number {
  let low = 0;
  let high = 1;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The chance of k heads or more in n throws of a coin that shows heads with this share. */
function upperTail(k: number, n: number, share: number): number {
  if (share <= 0) return k === 0 ? 1 : 0;
  if (share >= 1) return 1;
  let logarithm = n * Math.log1p(-share);
  let sum = 0;
  for (let heads = 0; heads <= n; heads++) {
    if (heads >= k) sum += Math.exp(logarithm);
    logarithm += Math.log((n - heads) / (heads + 1)) + Math.log(share) - Math.log1p(-share);
  }
  return sum;
}

/** The chance of at most k heads in n throws of a fair coin. */
function binomialHalfTail(k: number, n: number): number {
  let logarithm = n * Math.log(0.5);
  let sum = 0;
  for (let heads = 0; heads <= k; heads++) {
    sum += Math.exp(logarithm);
    logarithm += Math.log((n - heads) / (heads + 1));
  }
  return sum;
}

/** Refuses lists that do not pair. */
export function checkPaired(left: readonly unknown[], right: readonly unknown[]): void {
  if (left.length !== right.length) {
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `${left.length} values cannot be paired with ${right.length}; give both lists over the same samples, in one order.`,
    });
  }
  if (left.length === 0)
    throw new EvaluationError({ code: 'empty-set', message: 'There are no pairs to compare; give at least one.' });
}
