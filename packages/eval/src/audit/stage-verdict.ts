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
        `No two examples could exchange their thoughts of ${stage} so that it would show: ${truthKnown ? 'answered rightly, with another answer that follows' : 'with answers that differ'}.`,
      ],
    };
  const { changes, stays, follows, somethingElse } = swap;
  const evidence =
    follows === null
      ? [
          `With another example’s ${stage} ${written(changes)} of ${pairs} answers change; what would follow is not known.`,
        ]
      : [
          `With another example’s ${stage} the answer is the one that follows from it in ${written(follows)} of ${pairs} exchanges; it stays in ${written(stays)}, and is something else in ${written(somethingElse!)}.`,
        ];
  const measure = follows ?? changes;
  if (measure.interval[0] >= usedFrom) return { verdict: 'used', certain: true, evidence };
  if (changes.interval[1] <= unusedTo) return { verdict: 'not used', certain: true, evidence };
  if (changes.interval[0] <= unusedTo) {
    evidence.push('There are too few pairs to tell.');
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  const certain = measure.interval[1] < usedFrom;
  if (!certain) evidence.push('The interval reaches over the border to used; more examples would tell.');
  else if (follows !== null && follows.interval[1] <= unusedTo)
    evidence.push('The answers change, but not to what follows from the other’s stage.');
  return { verdict: 'partly used', certain, evidence };
}
