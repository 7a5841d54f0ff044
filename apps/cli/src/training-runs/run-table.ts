import { duration } from '@subtext/terminal';
import type { TrainingRun } from '@subtext/trainer/runs';

/** A number of a table, with four digits that count. */
export function shortNumber(value: number | undefined): string {
  return value === undefined ? '' : Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
}

/** What a run is, by the heads of the table of runs. */
function runColumns({ run, now = Date.now() }: { run: TrainingRun; now?: number }): Record<string, string> {
  const {
    folder,
    state,
    method,
    phase,
    step,
    skippedSteps,
    loss,
    interpreterLoss,
    validationLoss,
    best,
    seconds,
    written,
    seed,
    engine,
  } = run;
  return {
    run: folder,
    state: state === 'stopped' && written !== undefined ? `stopped ${duration((now - written) / 1000)} ago` : state,
    method: method ?? '',
    phase: phase ? `${phase.number} ${phase.name}` : '',
    step: `${step}${skippedSteps > 0 ? ` (${skippedSteps} skipped)` : ''}`,
    loss: shortNumber(loss),
    interpreter: shortNumber(interpreterLoss),
    validation: shortNumber(validationLoss),
    best: best ? `${shortNumber(best.loss)} at ${best.step}` : '',
    time: seconds === undefined ? '' : duration(seconds),
    seed: seed === undefined ? '' : String(seed),
    engine: engine ?? '',
  };
}

/** A table of runs without the columns that are empty in all of them. */
export function runTable({ runs, now }: { runs: readonly TrainingRun[]; now?: number }): {
  header: string[];
  rows: string[][];
} {
  const rows = runs.map((run) => runColumns({ run, now }));
  const header = Object.keys(rows[0] ?? {}).filter((name) => rows.some((row) => row[name] !== ''));
  return { header, rows: rows.map((row) => header.map((name) => row[name]!)) };
}

/** Every measure that logs hold, steps and phases aside. */
export function measuresIn(runs: readonly Pick<TrainingRun, 'curves'>[]): string[] {
  return [...new Set(runs.flatMap(({ curves }) => curves.measures()))];
}
