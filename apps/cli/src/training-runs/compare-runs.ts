import { ownValue } from '@subtext/core';
import { duration } from '@subtext/terminal';

import { isFaulty, type LoggedStep, readLogLines } from './read-log';
import type { TrainingRun } from './read-run';
import type { CurvePoint } from './run-curves';

/** A number of a table, with four digits that count. */
export function shortNumber(value: number | undefined): string {
  return value === undefined ? '' : Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
}

/** What a run is, by the heads of the table of runs. */
export function runColumns({ run, now = Date.now() }: { run: TrainingRun; now?: number }): Record<string, string> {
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

/** Keys of the configurations that are not the same in all runs, with each run's value as JSON. */
export function differingKeys(runs: readonly TrainingRun[]): { key: string; values: (string | undefined)[] }[] {
  const flat = runs.map(({ configuration }) => flatten(configuration ?? {}));
  const keys = [...new Set(flat.flatMap((one) => [...one.keys()]))].sort();
  return keys
    .map((key) => ({ key, values: flat.map((one) => one.get(key)) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

/** A value by its keys, as `a.b.c`, each as JSON. */
export function flatten(value: unknown, place = '', into = new Map<string, string>()): Map<string, string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, place === '' ? key : `${place}.${key}`, into);
  } else into.set(place, JSON.stringify(value));
  return into;
}

/** Where two logs part: the first step at which they do not say the same; undefined where one is the other's beginning. */
export async function firstDifference(
  one: string,
  other: string,
): Promise<{ step: number; measures: string[] } | undefined> {
  const [steps, others] = [stepsOf(one), stepsOf(other)];
  try {
    for (;;) {
      const [a, b] = [await steps.next(), await others.next()];
      if (a.done === true || b.done === true) return undefined;
      const measures = [...new Set([...Object.keys(a.value), ...Object.keys(b.value)])].filter(
        (name) => !Object.is(ownValue(a.value, name), ownValue(b.value, name)),
      );
      if (measures.length > 0) return { step: Math.min(a.value.step, b.value.step), measures };
    }
  } finally {
    await Promise.all([steps.return(), others.return()]);
  }
}

/** The lines of a log that can be read, one by one. */
async function* stepsOf(path: string): AsyncGenerator<LoggedStep, void, void> {
  for await (const lines of readLogLines(path)) for (const line of lines) if (!isFaulty(line)) yield line;
}

/** A measure by step, without the lines that lack it. */
export function curveOf({ curves }: Pick<TrainingRun, 'curves'>, measure: string): CurvePoint[] {
  return curves.curve(measure);
}

/** Every measure that logs hold, steps and phases aside. */
export function measuresIn(runs: readonly Pick<TrainingRun, 'curves'>[]): string[] {
  return [...new Set(runs.flatMap(({ curves }) => curves.measures()))];
}
