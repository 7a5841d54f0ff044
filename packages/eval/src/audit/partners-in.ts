import type { ReasoningExample } from '@subtext/data';

import { isCandidate } from '../tasks/evaluation-task';

/** Which examples of a set may exchange thoughts so that it can show: those of one kind of question, where there are kinds. */
export function partnersIn({ examples }: { examples: readonly ReasoningExample[] }): {
  compatible: (one: ReasoningExample, other: ReasoningExample) => boolean;
  /** Whether an example could give an answer at all. */
  candidate: (example: ReasoningExample, answer: string) => boolean;
} {
  const kinds = examples.some(({ category }) => category !== undefined);
  return {
    compatible: (one, other) => !kinds || one.category === other.category,
    candidate: (example, answer) => isCandidate({ example, answer }),
  };
}
