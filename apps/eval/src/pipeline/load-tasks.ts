import { findTask, loadTask, type EvaluationTask, type LoadedTask } from '@subtext/eval';
import { type Output, UsageError } from '@subtext/terminal';

/** Where each task's data lies: one path for one task, `NAME=PATH` for several. */
export function dataPaths({ tasks, data }: { tasks: readonly EvaluationTask[]; data: readonly string[] | undefined }): Map<string, string> {
  const paths = new Map<string, string>();
  for (const entry of data ?? []) {
    const named = /^([^=/\\]+)=(.+)$/.exec(entry);
    const name = named?.[1];
    if (name !== undefined && tasks.some((task) => task.name === name)) paths.set(name, named?.[2] as string);
    else if (tasks.length === 1) paths.set(tasks[0]!.name, entry);
    else throw new UsageError(`--data ${entry} names none of the tasks ${tasks.map((task) => task.name).join(', ')}; with several tasks write --data NAME=PATH for each.`);
  }
  const missing = tasks.find((task) => !paths.has(task.name));
  if (missing) throw new UsageError(`Task "${missing.name}" needs --data${tasks.length === 1 ? ' PATH' : ` ${missing.name}=PATH`}: ${missing.dataDescription}.`);
  return paths;
}

/** Finds tasks by name and reads their examples; what could not be read is told. */
export async function loadTasks({ names, data, limit, output }: { names: readonly string[]; data: readonly string[] | undefined; limit?: number; output: Output }): Promise<(LoadedTask & { path: string; total: number })[]> {
  const tasks = names.map(findTask);
  const paths = dataPaths({ tasks, data });
  const loaded: (LoadedTask & { path: string; total: number })[] = [];
  for (const task of tasks) {
    const path = paths.get(task.name) as string;
    const whole = await loadTask({ task, path });
    const { dropped, first } = whole.faults;
    const total = whole.examples.length + dropped;
    loaded.push({ ...whole, examples: limit === undefined ? whole.examples : whole.examples.slice(0, limit), path, total });
    if (dropped > 0) output.event({ event: 'dropped', task: task.name, dropped, first: first[0] }, `  ${task.name}: ${dropped} of ${total} records cannot be read and are left out; the first, at line ${first[0]?.line}: ${first[0]?.message}`);
  }
  return loaded;
}
