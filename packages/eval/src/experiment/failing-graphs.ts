import { compareGraphs, type ReasoningExample } from '@subtext/data';

import { scoreOf } from '../results/sample-record';
import type { ExperimentRun } from './summarize-experiment';

/** What sets the graphs that a kind of run fails on apart from those that it does not. */
export interface FailingGraphs {
  cell: string;
  seeds: number;
  /** Questions that at least one seed failed, that every seed failed, and that none did. */
  questions: { failed: number; failedByAll: number; right: number };
  /** The largest differences first; in standard errors (Welch). */
  rows: { measure: string; failed: number; right: number; standardErrors: number }[];
}

/**
 * Compares the graphs that any seed of a kind of run fails on with those that all of its seeds answer: sizes, hops, degrees, what leads
 * to the candidates. Undefined where fewer than two questions are on either side.
 *
 * @throws DataError `record-malformed` where a question has no graph
 */
export async function failingGraphs({
  cell,
  runs,
  examples,
  metric,
}: {
  cell: string;
  /** The runs of the cell. */
  runs: readonly Pick<ExperimentRun, 'samples'>[];
  /** The questions, in the order of the samples. */
  examples: readonly ReasoningExample[];
  metric: string;
}): Promise<FailingGraphs | undefined> {
  const failures = examples.map(
    (_, index) => runs.filter(({ samples }) => scoreOf(samples[index]!, metric) < 1).length,
  );
  const left = examples.filter((_, index) => failures[index]! > 0);
  const right = examples.filter((_, index) => failures[index] === 0);
  if (left.length < 2 || right.length < 2) return undefined;
  const { rows } = await compareGraphs({ left, right });
  return {
    cell,
    seeds: runs.length,
    questions: {
      failed: left.length,
      failedByAll: failures.filter((count) => count === runs.length).length,
      right: right.length,
    },
    rows: rows
      .map((row) => ({
        measure: row.measure,
        failed: row.left.mean,
        right: row.right.mean,
        standardErrors: row.standardErrors,
      }))
      .sort((one, other) => Math.abs(other.standardErrors) - Math.abs(one.standardErrors)),
  };
}
