import type { LoadedTask } from '../tasks/registry';
import { hashExamples } from './content-hash';
import { RunFolder } from './run-folder';

/** A task's examples by what they say and show: the file's hash alone would not tell that a picture was exchanged. */
export type ExamplesHashes = ReadonlyMap<string, string>;

/**
 * Works in a run's folder, which is locked meanwhile: a new one, or one begun with the same model, examples and settings.
 *
 * @throws EvaluationError invalid-result-file where it holds a run of others; LockError locked where another process has it.
 */
export async function inRunFolder<Result>({
  folder,
  modelHash,
  loaded,
  settings,
  work,
}: {
  folder: string;
  modelHash: string;
  loaded: readonly Pick<LoadedTask, 'task' | 'examples'>[];
  /** All else that changes an answer. */
  settings: Record<string, unknown>;
  work: (options: { run: RunFolder; hashes: ExamplesHashes }) => Promise<Result>;
}): Promise<Result> {
  const hashes = new Map(
    await Promise.all(loaded.map(async ({ task, examples }) => [task.name, await hashExamples(examples)] as const)),
  );
  const tasks = Object.fromEntries(
    loaded.map(({ task }) => [task.name, { version: task.version, examples: hashes.get(task.name) }]),
  );
  const run = await RunFolder.open({ folder, identity: { modelHash, tasks, settings } });
  try {
    return await work({ run, hashes });
  } finally {
    await run.close();
  }
}
