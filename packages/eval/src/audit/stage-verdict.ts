import type { Estimate } from '@subtext/core';

import type { StageAudit } from './audit-stages';
import type { ThoughtVerdict } from './thought-verdict';

/** Whether a stage's thoughts decide the answers, and why one says so. */
export interface StageVerdict {
  verdict: ThoughtVerdict;
  /** False where there are too few pairs to tell the verdict from its neighbour. */
  certain: boolean;
  /** The verdict's reasons, a sentence each. */
  evidence: string[];
}

const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
const written = ({ value, interval }: Estimate) =>
  `${percent(value)} [${percent(interval[0])}, ${percent(interval[1])}]`;

/**
 * The verdict's rule for one stage. What counts as use is that answers follow, where the data tells what follows, and else
 * that they change. A stage whose exchange leaves the answers as they were is not used.
 */
export function judgeStage({
  stage,
  pairs,
  truthKnown,
  swap,
  usedFrom = 0.5,
  unusedTo = 0.1,
}: Pick<StageAudit, 'stage' | 'pairs' | 'truthKnown' | 'swap'> & {
  /** @default 0.5 */ usedFrom?: number;
  /** @default 0.1 */ unusedTo?: number;
}): StageVerdict {
  if (swap === null)
    return {
      verdict: 'cannot tell',
      certain: false,
      evidence: [
        `No two examples could swap their thoughts of ${stage} with a detectable effect: ${truthKnown ? 'both answered correctly, with a different expected answer' : 'with different answers'}.`,
      ],
    };
  const { changes, stays, follows, somethingElse } = swap;
  const evidence =
    follows === null
      ? [
          `With another example’s ${stage} ${written(changes)} of ${pairs} answers change; the expected answer is not known.`,
        ]
      : [
          `With another example’s ${stage} the answer follows it in ${written(follows)} of ${pairs} swaps, stays in ${written(stays)}, and is something else in ${written(somethingElse!)}.`,
        ];
  const measure = follows ?? changes;
  if (measure.interval[0] >= usedFrom) return { verdict: 'used', certain: true, evidence };
  if (changes.interval[1] <= unusedTo) return { verdict: 'not used', certain: true, evidence };
  if (changes.interval[0] <= unusedTo) {
    evidence.push('There are too few pairs to tell.');
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  const certain = measure.interval[1] < usedFrom;
  if (!certain) evidence.push('The interval crosses the threshold for used; use more examples.');
  else if (follows !== null && follows.interval[1] <= unusedTo)
    evidence.push('The answers change, but do not follow the other’s stage.');
  return { verdict: 'partly used', certain, evidence };
}
