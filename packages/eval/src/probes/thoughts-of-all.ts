import type { Answer } from '@subtext/reasoner';

import { EvaluationError } from '../errors';

/** The thoughts that all answers have, in order. */
export function thoughtsOfAll(answers: readonly Answer[]): { stage: string; index: number }[] {
  const [first, ...others] = answers;
  return (first?.thoughts ?? [])
    .filter(({ stage, index }) =>
      others.every(({ thoughts }) => thoughts.some((one) => one.stage === stage && one.index === index)),
    )
    .map(({ stage, index }) => ({ stage, index }));
}

/** By answer, the state of one of its thoughts, `[width]`. @throws EvaluationError `invalid-option` where an answer lacks it */
export function statesAt({
  answers,
  stage,
  index,
}: {
  answers: readonly Answer[];
  stage: string;
  index: number;
}): Float32Array[] {
  return answers.map(({ thoughts }) => {
    const found = thoughts.find((one) => one.stage === stage && one.index === index);
    if (found !== undefined) return found.hidden;
    throw new EvaluationError({
      code: 'invalid-option',
      message: `An answer to the questions measured on lacks thought ${index + 1} of ${stage}, which those trained by have.`,
    });
  });
}
