import { SubtextError } from '../subtext-error';
import { normalQuantile } from './normal-distribution';

/** A lower and an upper bound. */
export type Interval = readonly [low: number, high: number];

/** A number with its interval. */
export interface Estimate {
  value: number;
  interval: Interval;
}

/**
 * Wilson score interval for a proportion: with p = successes/total and z the normal quantile,
 * `(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)` (Wilson, 1927). Unlike p ± z·√(p(1−p)/n) it
 * holds near 0 and 1 and for small samples.
 */
export function wilsonInterval({
  successes,
  total,
  confidence = 0.95,
}: {
  successes: number;
  total: number;
  /** @default 0.95 */
  confidence?: number;
}): Interval {
  if (!(total > 0) || successes < 0 || successes > total) {
    throw new SubtextError({
      code: total === 0 ? 'empty-set' : 'invalid-option',
      message: `No interval for ${successes} of ${total}: give 0 ≤ successes ≤ total and total > 0.`,
    });
  }
  checkConfidence(confidence);
  const z = normalQuantile(0.5 + confidence / 2);
  const share = successes / total;
  const middle = share + (z * z) / (2 * total);
  const half = z * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
  const scale = 1 + (z * z) / total;
  return [successes === 0 ? 0 : (middle - half) / scale, successes === total ? 1 : (middle + half) / scale];
}

/**
 * The mean difference left − right of two scores in [0, 1] on the same samples, such as the correctness of two
 * classifiers. The interval combines those of the two means (Newcombe, 1998, method 8, for proportions): with means p
 * and q, their Wilson intervals [l, u] and [m, v], and the correlation r across samples, the lower bound is
 * `p − q − √((p−l)² − 2r(p−l)(v−q) + (v−q)²)`, and the upper bound likewise.
 *
 * @throws SubtextError `length-mismatch` if the scores differ in number; `empty-set` if there are none
 */
export function pairedDifference({
  left,
  right,
  total = left.length,
  confidence = 0.95,
}: {
  left: readonly number[];
  right: readonly number[];
  /** Number of independent samples, if some are dependent. @default all */
  total?: number;
  /** @default 0.95 */
  confidence?: number;
}): Estimate {
  if (left.length !== right.length)
    throw new SubtextError({
      code: 'length-mismatch',
      message: `${left.length} and ${right.length} scores do not pair; both must be of the same samples.`,
    });
  const [{ mean: p, deviation }, { mean: q, deviation: other }] = [meanAndDeviation(left), meanAndDeviation(right)];
  const [l, u] = wilsonInterval({ successes: p * total, total, confidence });
  const [m, v] = wilsonInterval({ successes: q * total, total, confidence });
  const products = left.reduce((sum, value, index) => sum + (value - p) * (right[index]! - q), 0);
  const spread = deviation * other * (left.length - 1);
  const r = spread > 0 ? Math.max(-1, Math.min(1, products / spread)) : 0;
  const reach = (one: number, two: number) => Math.sqrt(Math.max(0, one * one - 2 * r * one * two + two * two));
  return { value: p - q, interval: [p - q - reach(p - l, v - q), p - q + reach(u - p, q - m)] };
}

/** Mean, standard deviation and standard error. */
export interface MeanAndDeviation {
  mean: number;
  /** Sample standard deviation (divisor n − 1); 0 for a single value. */
  deviation: number;
  /** deviation / √n. */
  standardError: number;
  count: number;
}

/**
 * Mean, sample standard deviation and standard error of values, such as the accuracies of several
 * seeds or the zeros and ones of samples (lm-evaluation-harness's `_stderr`).
 *
 * @throws SubtextError `empty-set` if there are no values
 */
export function meanAndDeviation(values: readonly number[]): MeanAndDeviation {
  if (values.length === 0)
    throw new SubtextError({ code: 'empty-set', message: 'The mean of no values is undefined; give at least one.' });
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = count > 1 ? Math.sqrt(squares / (count - 1)) : 0;
  return { mean, deviation, standardError: deviation / Math.sqrt(count), count };
}

/** @throws SubtextError if the confidence is not between 0 and 1 */
export function checkConfidence(confidence: number): void {
  if (!(confidence > 0 && confidence < 1)) {
    throw new SubtextError({
      code: 'invalid-option',
      message: `A confidence of ${confidence} is not between 0 and 1; 0.95 is usual.`,
    });
  }
}
