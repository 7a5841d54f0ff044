import { EvaluationError } from '../errors';
import type { LoadedTask } from '../tasks/registry';

/**
 * Tasks with only the named ones of their further answer filters, which are reported side by side. The task's own rule stays:
 * its score is what the task is measured by. A task without any of them keeps its own rule alone.
 *
 * @throws EvaluationError invalid-option for a name that none of the tasks has.
 */
export function chooseFilters<Loaded extends Pick<LoadedTask, 'task'>>({
  loaded,
  names,
}: {
  loaded: readonly Loaded[];
  names: readonly string[];
}): Loaded[] {
  const known = [...new Set(loaded.flatMap(({ task }) => (task.filters ?? []).map(({ name }) => name)))];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `No task that is asked has an answer filter "${unknown}"; ${known.length === 0 ? 'they have none' : `they have ${known.join(', ')}`}.`,
    });
  return loaded.map((one) =>
    one.task.filters === undefined
      ? one
      : { ...one, task: { ...one.task, filters: one.task.filters.filter(({ name }) => names.includes(name)) } },
  );
}
