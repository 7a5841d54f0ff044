import { duration } from '@subtext/terminal';

import type { LoggedStep, TrainingRun } from './read-run';

/** A number of a table, with four digits that count. */
export function shortNumber(value: number | undefined): string {
  return value === undefined ? '' : Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
}

/** What a run is, by the heads of the table of runs. */
export function runColumns({ run, now = Date.now() }: { run: TrainingRun; now?: number }): Record<string, string> {
  const { folder, state, method, phase, step, skippedSteps, loss, validationLoss, best, seconds, written, seed, engine } = run;
  return {
    run: folder,
    state: state === 'stopped' && written !== undefined ? `stopped ${duration((now - written) / 1000)} ago` : state,
    method: method ?? '',
    phase: phase ? `${phase.number} ${phase.name}` : '',
    step: `${step}${skippedSteps > 0 ? ` (${skippedSteps} skipped)` : ''}`,
    loss: shortNumber(loss),
    validation: shortNumber(validationLoss),
    best: best ? `${shortNumber(best.loss)} at ${best.step}` : '',
    time: seconds === undefined ? '' : duration(seconds),
    seed: seed === undefined ? '' : String(seed),
    engine: engine ?? '',
  };
}

/** A table of runs without the columns that are empty in all of them. */
export function runTable({ runs, now }: { runs: readonly TrainingRun[]; now?: number }): { header: string[]; rows: string[][] } {
  const rows = runs.map((run) => runColumns({ run, now }));
  const header = Object.keys(rows[0] ?? {}).filter((name) => rows.some((row) => row[name] !== ''));
  return { header, rows: rows.map((row) => header.map((name) => row[name]!)) };
}

/** Keys of the configurations that are not the same in all runs, with each run's value as JSON. */
export function differingKeys(runs: readonly TrainingRun[]): { key: string; values: (string | undefined)[] }[] {
  const flat = runs.map(({ configuration }) => flatten(configuration ?? {}));
  const keys = [...new Set(flat.flatMap((one) => [...one.keys()]))].sort();
  return keys.map((key) => ({ key, values: flat.map((one) => one.get(key)) })).filter(({ values }) => values.some((value) => value !== values[0]));
}

function flatten(value: unknown, place = '', into = new Map<string, string>()): Map<string, string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, place === '' ? key : `${place}.${key}`, into);
  } else into.set(place, JSON.stringify(value));
  return into;
}

/** Where two logs part: the first step at which they do not say the same; undefined where one is the other's beginning. */
export function firstDifference(one: readonly LoggedStep[], other: readonly LoggedStep[]): { step: number; measures: string[] } | undefined {
  for (let index = 0; index < Math.min(one.length, other.length); index++) {
    const [a, b] = [one[index]!, other[index]!];
    const measures = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !Object.is(a[name], b[name]));
    if (measures.length > 0) return { step: Math.min(a.step, b.step), measures };
  }
  return undefined;
}

/** A measure by step, without the lines that lack it. */
export function curveOf({ log }: Pick<TrainingRun, 'log'>, measure: string): { x: number; y: number }[] {
  return log.flatMap((line) => (typeof line[measure] === 'number' ? [{ x: line.step, y: line[measure] as number }] : []));
}

/** Every measure that a log holds, steps and phases aside. */
export function measuresIn(runs: readonly Pick<TrainingRun, 'log'>[]): string[] {
  const names = new Set<string>();
  for (const { log } of runs) for (const line of log) for (const [name, value] of Object.entries(line)) if (typeof value === 'number' && name !== 'step' && name !== 'phase') names.add(name);
  return [...names];
}
