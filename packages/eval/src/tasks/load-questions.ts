import { loadTask, type LoadedTask } from './registry';
import type { EvaluationTask } from './evaluation-task';

/** A task's examples as an evaluation asks them, with where they came from. */
export interface Questions extends LoadedTask {
  path: string;
  /** Records of the file, those among them that cannot be read or are beyond the limit. */
  total: number;
}

/**
 * Reads what is asked of a task.
 *
 * @throws as {@link loadTask}
 */
export async function loadQuestions({
  task,
  path,
  limit,
  images = true,
}: {
  task: EvaluationTask;
  path: string;
  /** Only the first ones. @default all */
  limit?: number;
  /** false: asks without pictures. @default true */
  images?: boolean;
}): Promise<Questions> {
  const whole = await loadTask({ task, path });
  const examples = limit === undefined ? whole.examples : whole.examples.slice(0, limit);
  return {
    ...whole,
    examples: images ? examples : examples.map(({ image: _, ...example }) => example),
    path,
    total: whole.examples.length + whole.faults.dropped,
  };
}
