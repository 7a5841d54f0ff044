import { DecoderError } from '../errors';

/** How well scores separate flagged examples from the others. */
export interface Auroc {
  /** The probability that a flagged example scores higher than another, with ties counted half: 0.5 is chance. */
  value: number;
  /** Hanley and McNeil's (1982) standard error. */
  standardError: number;
  flagged: number;
  others: number;
}

/**
 * The area under the receiver operating characteristic, `P(s_flagged > s_other) + ½ P(s_flagged = s_other)`
 * (Mann–Whitney).
 *
 * @throws DecoderError `length-mismatch` if the numbers of scores and flags differ; `empty-set` if either group is
 *   empty
 */
export function auroc({ scores, flagged }: { scores: readonly number[]; flagged: readonly boolean[] }): Auroc {
  if (scores.length !== flagged.length)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `${scores.length} scores, but ${flagged.length} flags; pass one flag per score.`,
    });
  const positive = flagged.filter(Boolean).length;
  const negative = flagged.length - positive;
  if (positive === 0 || negative === 0)
    throw new DecoderError({
      code: 'empty-set',
      message: `Of ${flagged.length} examples ${positive} are flagged; AUROC needs both flagged and unflagged examples.`,
    });
  const order = [...scores.keys()].sort((one, other) => scores[one]! - scores[other]!);
  let rankSum = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++;
    // Ranks from 1; ties share their mean rank.
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
