import { ownValue } from '@subtext/core';
import { join } from 'node:path';

import { flattenRecord } from './flatten-record';
import { isFaulty, type LoggedStep, readLogLines } from './read-log';
import type { TrainingRun } from './read-run';

/** Keys of the configurations that are not the same in all runs, with each run's value as JSON. */
export function differingKeys(
  runs: readonly Pick<TrainingRun, 'configuration'>[],
): { key: string; values: (string | undefined)[] }[] {
  const flat = runs.map(({ configuration }) => flattenRecord(configuration ?? {}));
  const keys = [...new Set(flat.flatMap((one) => [...one.keys()]))].sort();
  return keys
    .map((key) => ({ key, values: flat.map((one) => one.get(key)) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

/** Where the logs of two runs part: the first step at which they do not say the same; undefined where one is the other's beginning. */
export async function firstDifference(
  runs: readonly [Pick<TrainingRun, 'folder'>, Pick<TrainingRun, 'folder'>],
): Promise<{ step: number; measures: string[] } | undefined> {
  const [steps, others] = runs.map(({ folder }) => stepsOf(join(folder, 'log.jsonl'))) as [LoggedSteps, LoggedSteps];
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

type LoggedSteps = AsyncGenerator<LoggedStep, void, void>;

/** The lines of a log that can be read, one by one. */
async function* stepsOf(path: string): LoggedSteps {
  for await (const lines of readLogLines(path)) for (const line of lines) if (!isFaulty(line)) yield line;
}
