import { EvaluationError } from '../errors';
import { complementaryError } from './normal-distribution';

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
 * Whether two runs on the same samples differ in accuracy (McNemar, 1947; continuity correction by Edwards, 1948).
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
  return { onlyLeft, onlyRight, exactPValue, statistic, chiSquarePValue, pValue: differing <= 1000 ? exactPValue : chiSquarePValue };
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
    throw new EvaluationError({ code: 'length-mismatch', message: `${left.length} values cannot be paired with ${right.length}; give both lists over the same samples, in one order.` });
  }
  if (left.length === 0) throw new EvaluationError({ code: 'empty-set', message: 'There are no pairs to compare; give at least one.' });
}
