import { type ReasoningExample, normalizeAnswer } from '@subtext/data';

import { EvaluationError } from '../errors';

/**
 * The accuracy of always giving the commonest answer of a question's kind: what a model gets without looking. A floor
 * for audits where nothing better is known. It is a little high for small sets, whose commonest answer is chance itself.
 *
 * @throws EvaluationError empty-set without an example.
 */
export function commonestAnswerFloor({
  examples,
}: {
  examples: readonly Pick<ReasoningExample, 'answer' | 'category'>[];
}): number {
  if (examples.length === 0)
    throw new EvaluationError({ code: 'empty-set', message: 'There is no example to find the commonest answer of.' });
  const kinds = new Map<string, Map<string, number>>();
  for (const { answer, category = '' } of examples) {
    const counts = kinds.get(category) ?? new Map<string, number>();
    const written = normalizeAnswer(answer);
    counts.set(written, (counts.get(written) ?? 0) + 1);
    kinds.set(category, counts);
  }
  let right = 0;
  // Where every answer is another one, none is common: guessing gets nothing.
  for (const counts of kinds.values()) {
    const most = Math.max(...counts.values());
    if (most > 1) right += most;
  }
  return right / examples.length;
}
