import { DecoderError } from '../errors';

/** How well scores tell flagged examples from the others. */
export interface Auroc {
  /** The chance that a flagged example scores higher than another one, equal scores counted half: 0.5 is guessing. */
  value: number;
  /** Hanley and McNeil's (1982) standard error. */
  standardError: number;
  flagged: number;
  others: number;
}

/**
 * The area under the receiver operating characteristic, `P(s_flagged > s_other) + ½ P(s_flagged = s_other)` (Mann–Whitney).
 *
 * @throws DecoderError `length-mismatch` where scores and flags do not pair; `empty-set` where either side has no example
 */
export function auroc({ scores, flagged }: { scores: readonly number[]; flagged: readonly boolean[] }): Auroc {
  if (scores.length !== flagged.length)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `${scores.length} scores do not pair with ${flagged.length} flags.`,
    });
  const positive = flagged.filter(Boolean).length;
  const negative = flagged.length - positive;
  if (positive === 0 || negative === 0)
    throw new DecoderError({
      code: 'empty-set',
      message: `Of ${flagged.length} examples ${positive} are flagged; to tell them apart needs some that are and some that are not.`,
    });
  const order = [...scores.keys()].sort((one, other) => scores[one]! - scores[other]!);
  let rankSum = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++;
    // Ranks from 1; equal scores share their mean.
    const rank = (start + 1 + end) / 2;
    for (let place = start; place < end; place++) if (flagged[order[place]!]) rankSum += rank;
    start = end;
  }
  const value = (rankSum - (positive * (positive + 1)) / 2) / (positive * negative);
  const q1 = value / (2 - value);
  const q2 = (2 * value ** 2) / (1 + value);
  const variance =
    (value * (1 - value) + (positive - 1) * (q1 - value ** 2) + (negative - 1) * (q2 - value ** 2)) /
    (positive * negative);
  return { value, standardError: Math.sqrt(Math.max(0, variance)), flagged: positive, others: negative };
}
