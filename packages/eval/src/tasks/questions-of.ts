import type { ReasoningExample } from '@subtext/data';
import type { Question } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import type { EvaluationTask } from './evaluation-task';

/** Examples as a task asks a reasoner. */
export function questionsOf({
  task,
  examples,
}: {
  task: Pick<EvaluationTask, 'prompt'>;
  examples: readonly ReasoningExample[];
}): Question[] {
  return examples.map((example) => ({
    question: task.prompt(example),
    ...(example.image === undefined ? {} : { image: example.image }),
  }));
}

/**
 * Examples whose pictures can be read; the others are told, not passed over.
 *
 * @throws EvaluationError empty-set where none can
 */
export async function readableExamples(all: readonly ReasoningExample[]): Promise<{
  examples: ReasoningExample[];
  left: { id: string; message: string }[];
}> {
  const examples: ReasoningExample[] = [];
  const left: { id: string; message: string }[] = [];
  for (const example of all) {
    try {
      await example.image?.load();
      examples.push(example);
    } catch (error) {
      left.push({ id: example.id, message: (error as Error).message });
    }
  }
  if (examples.length === 0)
    throw new EvaluationError({
      code: 'empty-set',
      message: `No example can be asked; the first, ${left[0]?.id}: ${left[0]?.message}`,
    });
  return { examples, left };
}
