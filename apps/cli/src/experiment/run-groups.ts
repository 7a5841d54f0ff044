import type { ExperimentTraining } from './experiment-runs';
import { sourceOf } from './run-side-by-side';

/** Runs that are carried out by one process, one after the other: those that start from another's model, behind it. */
export function runGroups(runs: readonly ExperimentTraining[]): ExperimentTraining[][] {
  const groups = new Map<string, ExperimentTraining[]>();
  const firstOf = (run: ExperimentTraining): string => {
    const source = sourceOf({ run, runs });
    return source === undefined ? run.name : firstOf(source);
  };
  for (const run of runs) groups.set(firstOf(run), [...(groups.get(firstOf(run)) ?? []), run]);
  return [...groups.values()];
}
