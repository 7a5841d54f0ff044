import { type Output, textTable } from '@subtext/terminal';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { trainOne } from './carry-out-run';
import type { ExperimentTraining } from './experiment-runs';
import { sourceOf } from './run-side-by-side';

/** What each run takes; the seeds of a cell take the same. */
export async function listRuns({
  runs,
  hasData,
  output,
  signal,
}: {
  runs: readonly ExperimentTraining[];
  /** Whether the data is there: without it nothing can be estimated. */
  hasData: boolean;
  output: Output;
  signal?: AbortSignal;
}): Promise<void> {
  const states = runs.map(({ folder }) => stateOf(folder));
  for (const [index, { name, cell, seed, folder }] of runs.entries())
    output.event({ event: 'planned', name, cell, seed, folder, state: states[index] });
  if (!output.json)
    output.notice(
      textTable({
        header: ['run', 'state', 'folder'],
        rows: runs.map(({ name, folder }, index) => [name, states[index]!, folder]),
      }),
    );
  if (!hasData)
    return output.event(
      { event: 'no-estimate', reason: 'no data' },
      '  no estimates: the data is not generated yet; without --dry-run it is.',
    );
  const cells = [...new Set(runs.map(({ cell }) => cell))];
  for (const cell of cells) {
    const own = runs.filter((run) => run.cell === cell);
    const left = own.filter(({ folder }) => stateOf(folder) !== 'finished');
    const [run] = left;
    if (run === undefined) continue;
    output.heading(`${cell}: ${left.length} of ${own.length} runs left; each needs`);
    const source = sourceOf({ run, runs });
    if (source && stateOf(source.folder) !== 'finished')
      output.event(
        { event: 'no-estimate', cell, after: source.name },
        `  no estimate: it starts from the model of ${source.name}, which is not trained yet`,
      );
    else await trainOne({ run, output, signal, dryRun: true });
  }
}

function stateOf(folder: string): 'finished' | 'begun' | 'waiting' {
  if (existsSync(join(folder, 'finished.json'))) return 'finished';
  return existsSync(join(folder, 'configuration.json')) ? 'begun' : 'waiting';
}
